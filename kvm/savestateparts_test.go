//go:build arm64 || riscv64

package kvm

import (
	"context"
	"testing"
	"time"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// wantExit runs the vCPU to the next exit that is no interruption.
func wantExit(tb testing.TB, v *VCPU, want uapi.ExitReason) Exit {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	var last Exit
	err := v.Loop(ctx, func(e Exit) error {
		if e.Reason() == uapi.ExitIntr {
			return nil
		}
		last = e
		return ErrStop
	})
	must(tb, err)
	if last.Reason() != want {
		tb.Fatalf("exit reason %v, want %v", last.Reason(), want)
	}
	return last
}

// loadWord reads 8 bytes of guest memory by their offset in the region.
func loadWord(tb testing.TB, r *memory.Region, at uint64) uint64 {
	tb.Helper()
	n, err := r.LoadUint64(at)
	must(tb, err)
	return n
}
