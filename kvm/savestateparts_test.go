//go:build arm64 || riscv64

package kvm

import (
	"bytes"
	"context"
	"slices"
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

// wantSameRegs compares all registers of two states but those of clocks.
func wantSameRegs(tb testing.TB, before, after *VCPUState, clocks ...uapi.Reg) {
	tb.Helper()
	if before.MPState != after.MPState {
		tb.Errorf("multiprocessing state %d became %d", before.MPState, after.MPState)
	}
	if len(before.Registers) != len(after.Registers) || len(before.Registers) < 30 {
		tb.Fatalf("%d registers before, %d after", len(before.Registers), len(after.Registers))
	}
	for i, b := range before.Registers {
		if a := after.Registers[i]; a.ID != b.ID || !bytes.Equal(a.Value, b.Value) && !slices.Contains(clocks, a.ID) {
			tb.Errorf("%v was %x, and %v is %x", b.ID, b.Value, a.ID, a.Value)
		}
	}
}
