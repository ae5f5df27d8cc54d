package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// console is where a command reads and writes: results to out, everything else to errs.
type console struct {
	in        io.Reader
	out, errs io.Writer
}

// printf writes to out.
func (c *console) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// notef writes to errs: what a person should know and a script need not read.
func (c *console) notef(format string, args ...any) { fmt.Fprintf(c.errs, format, args...) }

// json writes one indented JSON value to out.
func (c *console) json(v any) error {
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// ink is a colour of the terminal (ECMA-48).
type ink string

const (
	red    ink = "31"
	green  ink = "32"
	yellow ink = "33"
	cyan   ink = "36"
	bold   ink = "1"
	faint  ink = "2"
)

// paint colours s when w is a terminal and nobody asked for none (no-color.org).
func paint(w io.Writer, i ink, s string) string {
	if !colourful(w) {
		return s
	}
	return "\x1b[" + string(i) + "m" + s + "\x1b[0m"
}

func colourful(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
