package kvm

import (
	"context"
	"syscall"
	"testing"
	"time"

	"linuxkvm/uapi"
)

func TestSignalMaskRefusesTheKickSignal(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	wantError(t, v.SetSignalMask(syscall.SIGUSR1, syscall.SIGURG), ErrInvalid, "SIGURG", "Kick")
	wantError(t, v.SetSignalMask(0), ErrInvalid)
	wantError(t, v.SetSignalMask(-1), ErrInvalid)
	wantError(t, v.SetSignalMask(65), ErrInvalid)
}

func TestKickGoesThroughASignalMask(t *testing.T) {
	_, v, _ := newProgram(t, programLoop)
	must(t, v.SetSignalMask(syscall.SIGUSR1, syscall.Signal(64)))
	kicked(t, v)
	must(t, v.SetSignalMask())
	kicked(t, v)
	must(t, v.ClearSignalMask())
	kicked(t, v)
}

// kicked kicks a vCPU that would run forever out of the guest.
func kicked(t *testing.T, v *VCPU) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- v.Loop(ctx, func(e Exit) error {
			if e.Kicked() {
				return ErrStop
			}
			if e.Reason() != uapi.ExitIntr {
				t.Errorf("exit reason %v", e.Reason())
			}
			return nil
		})
	}()
	time.Sleep(5 * time.Millisecond)
	must(t, v.KickWait(ctx))
	must(t, <-done)
}
