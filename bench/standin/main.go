//go:build linux

// standin runs what stands in for MongoDB in the project's tests, as a program of its
// own, so that its processor time can be counted apart.
package main

import (
	"log"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/mainstay-run/mainstay/internal/dbtest/standin"
)

// main writes the address into the file that is its argument and stays until it is told
// to end.
func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: standin FILE")
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	server, err := standin.Start(launch)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], []byte(server.Address()), 0o644); err != nil {
		server.Stop()
		log.Fatal(err)
	}
	<-stop
	server.Stop()
}

// launch has the process end with this one, however that ends.
func launch(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the death signal comes when this thread ends
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		started <- cmd.Start()
		select {}
	}()
	return <-started
}
