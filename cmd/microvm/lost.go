package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"linuxkvm/linux"
	"linuxkvm/machine"
)

// afterGuest is how a command has ended, whose guest may have ended first. One that
// switched itself off did as somebody, or the command itself, has asked it to: the
// command was killed with everything else there.
func afterGuest(vm *linux.VM, err error) error {
	if !errors.Is(err, linux.ErrGone) {
		return err
	}
	ending, why := lostGuest(vm)
	if ending == machine.PowerOff {
		return &linux.ExitError{Code: -1, Signal: syscall.SIGKILL}
	}
	return why
}

// lostGuest is how a guest ended under a command, and an error that says so, with what
// its kernel may have had to say.
func lostGuest(vm *linux.VM) (machine.Ending, error) {
	what := "the guest"
	select {
	case <-vm.Done():
	case <-time.After(endTime):
		what = "the guest's agent"
		vm.Stop()
	}
	result, err := vm.Wait()
	text := vm.ConsoleTail()
	if text == "" {
		text = "(none)"
	}
	return result.Ending, errors.Join(fmt.Errorf("%s ended before the command did (%v); the console's last lines:\n%s", what, result.Ending, text), result.Err(), err)
}
