package console

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Raw is a terminal in raw mode, once it is made so: every key goes to the guest.
type Raw struct {
	tty   *os.File
	old   unix.Termios
	guard *guard

	once sync.Once
	err  error
}

// MakeRaw is Prepare and Make.
func MakeRaw(tty *os.File) (*Raw, error) {
	r, err := Prepare(tty)
	if err != nil {
		return nil, err
	}
	return r, r.Make()
}

// Prepare notes the settings of a terminal for Make to change until Restore, or until
// this process is gone, however that happens: a small process of the same program,
// started with the argument GuardArg, stands by to restore them when this one cannot.
// The program must call GuardMain for that argument.
func Prepare(tty *os.File) (*Raw, error) {
	old, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("terminal settings: %w", err)
	}
	r := &Raw{tty: tty, old: *old}
	if r.guard, err = startGuard(tty, old); err != nil {
		return nil, fmt.Errorf("start the process that restores the terminal: %w", err)
	}
	return r, nil
}

// Make puts the terminal into raw mode. When it fails the terminal is as it was, and
// Restore is of no more use.
func (r *Raw) Make() error {
	if _, err := term.MakeRaw(int(r.tty.Fd())); err != nil {
		return errors.Join(fmt.Errorf("raw mode: %w", err), r.Restore())
	}
	return nil
}

// Restore puts the terminal back into the mode it had. Restoring again does
// nothing. It may be called from any goroutine, and on a nil Raw.
func (r *Raw) Restore() error {
	if r == nil {
		return nil
	}
	r.once.Do(func() {
		if err := setTermios(r.tty, &r.old); err != nil {
			r.err = fmt.Errorf("restore the terminal: %w", err)
		}
		r.guard.dismiss()
	})
	return r.err
}

func setTermios(tty *os.File, t *unix.Termios) error {
	for {
		err := unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, t)
		if err != unix.EINTR {
			return err
		}
	}
}
