//go:build amd64 || arm64 || riscv64

package kvm

import (
	"context"
	"errors"
	"testing"
	"time"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// savedGuest is a whole guest in bytes, as it goes into a file.
type savedGuest struct {
	vm    []byte
	vcpus [][]byte
	ram   []byte
}

// saveAll saves a guest whose vCPUs are out of it, and closes it. more are its
// interrupt controllers.
func saveAll(tb testing.TB, vm *VM, ram *memory.Region, vcpus []*VCPU, more ...StatePart) savedGuest {
	tb.Helper()
	var g savedGuest
	state, err := vm.SaveState(testParts(vcpus, more)...)
	must(tb, err)
	g.vm, err = state.MarshalBinary()
	must(tb, err)
	for _, v := range vcpus {
		state, err := v.SaveState()
		must(tb, err)
		b, err := state.MarshalBinary()
		must(tb, err)
		g.vcpus = append(g.vcpus, b)
	}
	// The tables of an interrupt controller are there by now.
	g.ram = make([]byte, ram.Size())
	_, err = ram.ReadAt(g.ram, 0)
	must(tb, err)
	for _, v := range vcpus {
		must(tb, v.Close())
	}
	for _, p := range more {
		must(tb, p.(interface{ Close() error }).Close())
	}
	must(tb, vm.Close())
	return g
}

func testParts(vcpus []*VCPU, more []StatePart) []StatePart {
	list := append([]StatePart(nil), more...)
	for _, v := range vcpus {
		list = append(list, v)
	}
	return list
}

// restoreAll puts it into a VM that is made like the first one.
func restoreAll(tb testing.TB, g savedGuest, vm *VM, ram *memory.Region, vcpus []*VCPU, more ...StatePart) {
	tb.Helper()
	_, err := ram.WriteAt(g.ram, 0)
	must(tb, err)
	for i, v := range vcpus {
		var state VCPUState
		must(tb, state.UnmarshalBinary(g.vcpus[i]))
		must(tb, v.RestoreState(&state))
	}
	var state VMState
	must(tb, state.UnmarshalBinary(g.vm))
	must(tb, vm.RestoreState(&state, testParts(vcpus, more)...))
}

// kickedWhen runs the vCPU until begun is true and then takes it out of the guest. It fails
// when the guest gets to another exit before: then there is nothing to save.
func kickedWhen(tb testing.TB, v *VCPU, begun func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	go func() {
		for !begun() && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		_ = v.Kick()
	}()
	err := v.Loop(ctx, func(e Exit) error {
		switch {
		case e.Kicked():
			return ErrStop
		case e.Reason() == uapi.ExitIntr:
			return nil
		}
		return errors.New("the guest came out by itself: " + e.Reason().String())
	})
	must(tb, err)
}

// A generator of pseudo-random numbers, x = x*a + c, is a computation that every step
// counts in.
const (
	lcgFactor = 0x41c64e6d
	lcgAddend = 0x3039
	lcgSeed   = 12345
	lcgSteps  = 100_000_000
)

// lcgResult is what the guest computes, done here.
func lcgResult(seed uint64, steps int) uint64 {
	for range steps {
		seed = seed*lcgFactor + lcgAddend
	}
	return seed
}

// lcgAt reports whether the guest has done that many more steps.
func lcgAt(r *memory.Region, at, left uint64) func() bool {
	return func() bool {
		n, err := r.LoadUint64(at)
		return err == nil && n != 0 && n < left
	}
}
