package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticks is how often in a second Linux counts processor time, on every machine.
const ticks = 100

// usage is what a tree of processes has spent.
type usage struct {
	processor float64 // seconds, ended children included
	resident  int64   // bytes now
}

// spent adds up what the processes below these have used. What a process shares with
// another one counts for each.
func spent(roots ...int) usage {
	children := map[int][]int{}
	processor := map[int]float64{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(string(text[:bytes.IndexByte(text, ' ')]))
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], pid)
		for _, f := range fields[11:15] { // utime, stime, cutime, cstime
			n, _ := strconv.ParseFloat(f, 64)
			processor[pid] += n / ticks
		}
	}
	var u usage
	for len(roots) > 0 {
		pid := roots[0]
		roots = append(roots[1:], children[pid]...)
		u.processor += processor[pid]
		u.resident += resident(pid)
	}
	return u
}

func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// residentOwn is what a process occupies besides files that it maps.
func residentOwn(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	mapped, _ := strconv.ParseInt(fields[2], 10, 64)
	return (pages - mapped) * int64(os.Getpagesize())
}
