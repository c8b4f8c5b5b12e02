package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"linuxkvm/cmd/microvm/internal/console"
	"linuxkvm/cmd/microvm/internal/host"
	"linuxkvm/cmd/microvm/internal/registry"
	"linuxkvm/machine"
)

// hint is said once, before the guest has the terminal.
const hint = "microvm: Ctrl-A x leaves the guest, Ctrl-A Ctrl-A sends Ctrl-A"

// errLeft is why a machine was stopped that the user left.
var errLeft = errors.New("left")

// signalled is why a machine was stopped by a signal.
type signalled struct{ signal syscall.Signal }

func (s signalled) Error() string { return "signal: " + s.signal.String() }

func (s signalled) status() status { return statusSignal + status(s.signal) }

// run boots the machine and stays until it has ended.
func run(f *runFlags, s streams) (err error) {
	files, err := openImages(f)
	if err != nil {
		return failed(err)
	}
	defer files.close()
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)

	undo, err := f.register(registry.State{}, s.err)
	if err != nil {
		return failed(err)
	}
	defer func() { undo(err) }()
	cfg := f.config(files)
	interactive := console.IsTerminal(s.in)
	cfg.ConsoleIn, cfg.ConsoleOut = input(s.in, interactive, stop), f.outputs(s).out
	m, err := machine.New(cfg)
	if err != nil {
		return failed(f.explain(err))
	}
	defer m.Close()
	warn(s.err)

	// Before the terminal is raw: a signal must not end us in between.
	var terminal terminal
	defer onSignal(stop, func() { _ = terminal.restore() })()
	if interactive {
		fmt.Fprintln(s.err, hint)
		if err := terminal.makeRaw(s.in); err != nil {
			return failed(err)
		}
		// Also when something below panics; otherwise it is restored by then.
		defer func() { _ = terminal.restore() }()
	}
	if err := f.confineProcess(s.err); err != nil {
		return failed(err)
	}

	if err := m.Start(ctx); err != nil {
		return failed(err)
	}
	if err := f.started(); err != nil {
		return failed(err)
	}
	result, err := m.Wait()
	// What follows is said on a terminal in its ordinary mode.
	if restoreErr := terminal.restore(); restoreErr != nil && err == nil {
		err = restoreErr
	}
	return conclude(result, err, context.Cause(ctx), s.err)
}

// terminal is the terminal when it is raw, for more than one goroutine.
type terminal struct{ raw atomic.Pointer[console.Raw] }

// prepare starts what restores the terminal if we cannot, while processes can still be
// started.
func (t *terminal) prepare(tty *os.File) error {
	raw, err := console.Prepare(tty)
	t.raw.Store(raw)
	return err
}

// makeRaw prepares the terminal if that has not been done.
func (t *terminal) makeRaw(tty *os.File) error {
	if t.raw.Load() == nil {
		if err := t.prepare(tty); err != nil {
			return err
		}
	}
	return t.raw.Load().Make()
}

// restore does nothing for a terminal that was not prepared.
func (t *terminal) restore() error { return t.raw.Load().Restore() }

// warn says that a guest that seems to hang may just be slow.
func warn(w io.Writer) {
	if m := host.CurrentModule(); m.EmulatesKernelMode() {
		fmt.Fprintf(w, "microvm: guest kernel mode is emulated on this host (%s), so Linux will crawl; 'microvm info' has the figures\n", m.Name)
	}
}

// input is what the guest reads: on a terminal, without the commands to us.
func input(in io.Reader, interactive bool, stop context.CancelCauseFunc) io.Reader {
	if !interactive {
		return in
	}
	return console.NewReader(in, func() { stop(errLeft) })
}

// endingSignals stop the machine. SIGPIPE is among them because nobody reads the
// console any more.
var endingSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE}

// onSignal stops the machine at the first signal; at the second it does not wait
// any longer and ends the process after cleanup. The returned function undoes it.
func onSignal(stop context.CancelCauseFunc, cleanup func()) (undo func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endingSignals...)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case sig := <-signals:
				cause := signalled{sig.(syscall.Signal)}
				if n > 0 && cause.signal != syscall.SIGPIPE {
					cleanup()
					os.Exit(int(cause.status()))
				}
				stop(cause)
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// conclude turns the end of a machine into an exit status and says what is worth
// saying. cause is why the machine was stopped, if it was.
func conclude(r machine.Result, err, cause error, w io.Writer) error {
	if code, ok := endingStatus[r.Ending]; ok {
		return &failure{code, describe(r, err)}
	}
	var sig signalled
	switch {
	case errors.As(cause, &sig):
		return ended(sig.status())
	case errors.Is(cause, errLeft):
		fmt.Fprintln(w, "\nmicrovm: left the guest")
		return ended(statusLeft)
	case err != nil:
		return failed(err)
	}
	return failed(fmt.Errorf("the machine has ended: %v", r.Ending))
}

// describe words an ending that a person would want explained.
func describe(r machine.Result, err error) error {
	if err != nil {
		return err
	}
	if r.Ending == machine.Reset {
		return fmt.Errorf("the guest asked for a reset after %.1f s; a machine does not start again by itself", r.Uptime.Seconds())
	}
	return nil
}
