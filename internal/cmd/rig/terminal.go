package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"linuxkvm/internal/rig"
)

// escape is Ctrl-]: three in a row end the lane. Everything else, Ctrl-C too, is
// for the program in it.
const escape = 0x1d

// runInteractive runs the job on our standard files. If input and output are a
// terminal the job gets one too, and ours is raw until the end.
func runInteractive(ctx context.Context, s *rig.Session, job rig.Job) (*rig.Result, error) {
	job.Stdin, job.Stdout, job.Stderr = os.Stdin, os.Stdout, os.Stderr
	in, out := int(os.Stdin.Fd()), int(os.Stdout.Fd())
	if !term.IsTerminal(in) || !term.IsTerminal(out) {
		return s.Run(ctx, job)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	fmt.Fprintf(os.Stderr, "rig: %s, Linux %s; Ctrl-] three times ends it\n", s.Lane().Name, s.Kernel.Release)
	resize, stop := watchSize(out)
	defer stop()
	job.TTY = &rig.TTY{Resize: resize}
	if cols, rows, err := term.GetSize(out); err == nil {
		job.TTY.Rows, job.TTY.Cols = uint16(rows), uint16(cols)
	}
	job.Stdin = &escapeReader{r: os.Stdin, escape: func() { cancel(fmt.Errorf("ended at the terminal")) }}
	saved, err := term.MakeRaw(in)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := term.Restore(in, saved); err != nil {
			fmt.Fprintf(os.Stderr, "rig: the terminal could not be restored (%v): type reset\n", err)
		}
	}()
	return s.Run(ctx, job)
}

// watchSize returns the terminal's size each time it changes.
func watchSize(fd int) (sizes <-chan rig.Size, stop func()) {
	changed, out, done := make(chan os.Signal, 1), make(chan rig.Size, 1), make(chan struct{})
	signal.Notify(changed, unix.SIGWINCH)
	go func() {
		for {
			select {
			case <-changed:
			case <-done:
				return
			}
			cols, rows, err := term.GetSize(fd)
			if err != nil {
				continue
			}
			select {
			case out <- rig.Size{Rows: uint16(rows), Cols: uint16(cols)}:
			case <-done:
				return
			}
		}
	}()
	return out, func() {
		signal.Stop(changed)
		close(done)
	}
}

// escapeReader calls escape when three escape bytes come in a row.
type escapeReader struct {
	r      io.Reader
	row    int
	escape func()
}

func (e *escapeReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if bytes.IndexByte(p[:n], escape) < 0 {
		if n > 0 {
			e.row = 0
		}
		return n, err
	}
	for _, b := range p[:n] {
		if b != escape {
			e.row = 0
			continue
		}
		if e.row++; e.row == 3 {
			e.escape()
		}
	}
	return n, err
}
