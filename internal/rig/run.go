package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"linuxkvm/internal/rig/wire"
)

// ErrClosed says that the session is over.
var ErrClosed = errors.New("rig: the session is closed")

// maxOutput is how much of a job's output a result keeps.
const maxOutput = 16 << 20

// Run runs a job and waits for its end. Whatever the command does is in the
// result; an error means that there is none, and that the session is over: it is
// a *Failure. When ctx ends the session is ended.
func (s *Session) Run(ctx context.Context, job Job) (*Result, error) {
	s.run.Lock()
	defer s.run.Unlock()
	if s.failure != nil {
		return nil, s.failure
	}
	if s.closed {
		return nil, ErrClosed
	}
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	result, err := s.runJob(job)
	if err != nil {
		s.failure = err
		return nil, err
	}
	return result, nil
}

// runJob is one job, in the order of its frames.
func (s *Session) runJob(job Job) (*Result, error) {
	name := strings.Join(job.Args, " ")
	if err := s.conn.SendMessage(wire.Start, job.message()); err != nil {
		return nil, s.lost(name)
	}
	done := make(chan struct{})
	defer close(done)
	s.feed(job, done)
	var hang <-chan time.Time
	if job.Timeout > 0 {
		timer := time.NewTimer(job.Timeout + s.opts.HangGrace)
		defer timer.Stop()
		hang = timer.C
	}
	c := newCollector(job)
	for {
		select {
		case f, ok := <-s.frames:
			if !ok {
				return nil, s.lost(name)
			}
			exit, err := c.take(f)
			if err != nil {
				return nil, s.fail(Protocol, name, "", err)
			}
			if exit != nil {
				return s.finish(c, name, exit)
			}
		case <-hang:
			return nil, s.fail(Hang, name, fmt.Sprintf("no result %v after its time limit of %v", s.opts.HangGrace, job.Timeout), nil)
		}
	}
}

func (s *Session) finish(c *collector, name string, exit *wire.ExitMessage) (*Result, error) {
	if exit.Error != "" {
		fmt.Fprintf(c.stderr, "rig: %s\n", exit.Error)
		if exit.Code == 0 {
			exit.Code = -1
		}
	}
	return &Result{
		ExitCode: exit.Code, Signal: exit.Signal, TimedOut: exit.TimedOut,
		Duration: time.Duration(exit.Seconds * float64(time.Second)),
		Output:   c.output.bytes(), Files: c.files,
		Leftover: exit.Leftover, KernelWarnings: s.KernelWarnings(),
	}, nil
}

// message is the job as the agent gets it.
func (j *Job) message() wire.JobMessage {
	m := wire.JobMessage{
		Args: j.Args, Dir: j.Dir, TimeoutSeconds: j.Timeout.Seconds(),
		Env:   append([]string{"PATH=/bin:/sbin", "HOME=/tmp", "TMPDIR=/tmp", "USER=root"}, j.Env...),
		Stdin: j.Stdin != nil, Collect: j.Collect,
	}
	if m.Dir == "" {
		m.Dir = "/"
	}
	if j.TTY != nil {
		m.TTY, m.Rows, m.Cols = true, j.TTY.Rows, j.TTY.Cols
	}
	return m
}

// feed forwards input and terminal sizes until done. An error means that the
// guest is gone, which runJob finds out by itself.
func (s *Session) feed(job Job, done <-chan struct{}) {
	if job.Stdin != nil {
		go func() {
			buf := make([]byte, 32<<10)
			for {
				n, err := job.Stdin.Read(buf)
				select {
				case <-done:
					return
				default:
				}
				if n > 0 && s.conn.Send(wire.Stdin, buf[:n]) != nil {
					return
				}
				if err != nil {
					_ = s.conn.Send(wire.Stdin, nil)
					return
				}
			}
		}()
	}
	if job.TTY != nil && job.TTY.Resize != nil {
		go func() {
			for {
				select {
				case size := <-job.TTY.Resize:
					if s.conn.SendMessage(wire.Resize, wire.SizeMessage(size)) != nil {
						return
					}
				case <-done:
					return
				}
			}
		}()
	}
}

// collector puts a result together.
type collector struct {
	stdout, stderr io.Writer
	output         *tail
	files          map[string][]byte
	open           string
	missing        int64
}

func newCollector(job Job) *collector {
	c := &collector{output: newTail(maxOutput), files: map[string][]byte{}}
	c.stdout, c.stderr = io.Writer(c.output), io.Writer(c.output)
	if job.Stdout != nil {
		c.stdout = io.MultiWriter(c.output, job.Stdout)
	}
	if job.Stderr != nil {
		c.stderr = io.MultiWriter(c.output, job.Stderr)
	}
	return c
}

// take takes a frame; the one that ends the job is returned.
func (c *collector) take(f frame) (*wire.ExitMessage, error) {
	switch f.kind {
	case wire.Stdout:
		_, err := c.stdout.Write(f.payload)
		return nil, err
	case wire.Stderr:
		_, err := c.stderr.Write(f.payload)
		return nil, err
	case wire.File:
		var m wire.FileMessage
		if err := json.Unmarshal(f.payload, &m); err != nil {
			return nil, err
		}
		if err := c.complete(); err != nil {
			return nil, err
		}
		c.open, c.missing = m.Name, m.Size
		c.files[m.Name] = []byte{}
		return nil, nil
	case wire.FileData:
		c.files[c.open] = append(c.files[c.open], f.payload...)
		c.missing -= int64(len(f.payload))
		return nil, nil
	case wire.Exit:
		var m wire.ExitMessage
		if err := json.Unmarshal(f.payload, &m); err != nil {
			return nil, err
		}
		return &m, c.complete()
	default:
		return nil, fmt.Errorf("frame of unexpected kind %d", f.kind)
	}
}

// complete checks that the file before came whole.
func (c *collector) complete() error {
	if c.missing != 0 {
		return fmt.Errorf("%s: %d bytes are missing", c.open, c.missing)
	}
	return nil
}
