package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilToldToStop ends with the first SIGINT or SIGTERM; a second one ends the
// program at once.
func untilToldToStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitFailed)
	}()
	return ctx, cancel
}

// hangups tells of SIGHUPs until ctx ends.
func hangups(ctx context.Context) <-chan struct{} {
	signals, told := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			select {
			case told <- struct{}{}:
			default: // one is waiting already, and it will load what is there now
			}
		}
	}()
	return told
}
