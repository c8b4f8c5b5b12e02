package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"linuxkvm/cmd/microvm/internal/registry"
)

const (
	// processTime is how long a process may take to end that was told to.
	processTime = 5 * time.Second
	// lostTime is how long one may take to end whose guest does not answer.
	lostTime = time.Second
)

func newStop(s streams) *cobra.Command {
	var seconds uint32
	cmd := &cobra.Command{
		Use:   "stop [flags] NAME...",
		Short: "Shut machines down",
		Long: "stop asks guests to end their processes, to write what is to be written, and to switch\n" +
			"themselves off. A guest that has not done so in time, and one that takes no commands,\n" +
			"is stopped as pulling the plug does. A machine is named by its name, its id, or the\n" +
			"beginning of its id. What was stopped is written to standard output.\n" +
			"\n" +
			"The exit status is 0 when all of them have ended, 1 if not, or if there is no such\n" +
			"machine. That of their 'microvm run' is the command's, which has got SIGTERM, or 137 if\n" +
			"it had not ended by itself.",
		Example: "  microvm stop web\n  microvm stop -t 60 $(microvm ps -q)",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("which machine? 'microvm ps' lists them")
			}
			return nil
		},
		ValidArgsFunction: runningNames,
		RunE: func(_ *cobra.Command, args []string) error {
			return stop(args, time.Duration(seconds)*time.Second, s.out)
		},
	}
	cmd.Flags().Uint32VarP(&seconds, "timeout", "t", 10, "`SECONDS` for a guest to shut down")
	return cmd
}

// stop stops all of them at once.
func stop(names []string, patience time.Duration, w io.Writer) error {
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { errs[i] = stopOne(name, patience) })
	}
	all.Wait()
	for i, name := range names {
		if errs[i] == nil {
			fmt.Fprintln(w, name)
		} else {
			errs[i] = fmt.Errorf("%s: %w", name, errs[i])
		}
	}
	if err := errors.Join(errs...); err != nil {
		return failed(err)
	}
	return nil
}

func stopOne(name string, patience time.Duration) error {
	e, err := running(name)
	if err != nil {
		return err
	}
	p, err := e.Process()
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	if e.Agent {
		if ended, err := shutdownRemote(e, p, patience); ended || err != nil {
			return err
		}
	}
	return end(p)
}

// shutdownRemote asks a guest to shut down, and reports whether its process has ended
// in time. Why a guest does not do it is of no interest: it is ended then.
func shutdownRemote(e *registry.Entry, p *registry.Process, patience time.Duration) (bool, error) {
	deadline := time.Now().Add(patience)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	if err := remote(e).Shutdown(ctx); err != nil {
		// Also the answer of a guest that does as it is told can be lost with it.
		return p.Wait(min(time.Until(deadline), lostTime))
	}
	return p.Wait(time.Until(deadline))
}

// end ends a process.
func end(p *registry.Process) error {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := p.Signal(sig); err != nil {
			return err
		}
		if ended, err := p.Wait(processTime); ended || err != nil {
			return err
		}
	}
	return errors.New("it does not end, not even when killed: the kernel has hold of it")
}
