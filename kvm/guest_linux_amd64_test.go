package kvm

import (
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// guestBase is the guest-physical address where guests begin.
const guestBase = 0x1000

// realMode makes the vCPU run code in real mode from guestBase on, with CS 0 and
// a stack below it.
func realMode(tb testing.TB, v *VCPU, r *memory.Region, code ...byte) {
	tb.Helper()
	must(tb, startProgram(v, r, code))
}

// newGuest is a VM with one vCPU in real mode, with 64 KiB of memory at 0.
func newGuest(tb testing.TB, code ...byte) (*VM, *VCPU, *memory.Region) {
	tb.Helper()
	vm := newTestVM(tb)
	r := addMemory(tb, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(tb, vm)
	realMode(tb, v, r, code...)
	return vm, v, r
}

// runUntil runs the vCPU to the next exit that is no interruption, and fails the
// test for another reason than want or when it takes seconds.
func runUntil(tb testing.TB, v *VCPU, want uapi.ExitReason) Exit {
	tb.Helper()
	exit, err := runFor(v, runLimit)
	if err != nil {
		tb.Fatalf("Run: %v", err)
	}
	if exit.Reason() != want {
		regs, _ := v.Regs()
		tb.Fatalf("exit reason %v, want %v; registers %+v", exit.Reason(), want, regs)
	}
	return exit
}
