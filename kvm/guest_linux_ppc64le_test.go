package kvm

import (
	"encoding/binary"
	"os"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// guestBase is the guest-physical address where guests begin, after the
// interrupt vectors.
const guestBase = 0x1000

// guestDone is the number of a hypercall that nothing handles: guests end with it.
const guestDone = 0x7f0

// Bits of the machine state register: 64-bit mode, external interrupts enabled,
// machine checks enabled, translation of instructions and of data, little-endian.
const (
	msrSF = 1 << 63
	msrEE = 1 << 15
	msrME = 1 << 12
	msrIR = 1 << 5
	msrDR = 1 << 4
	msrLE = 1
)

// realMode makes the vCPU run instructions in real mode from guestBase on.
func realMode(tb testing.TB, v *VCPU, r *memory.Region, code ...uint32) {
	tb.Helper()
	must(tb, startProgram(v, r, ppcCode(code...)))
}

// ppcCode is instructions as bytes.
func ppcCode(words ...uint32) program {
	var p program
	for _, word := range words {
		p = binary.LittleEndian.AppendUint32(p, word)
	}
	return p
}

// putCode puts instructions at a guest-physical address of the RAM that begins at 0.
func putCode(tb testing.TB, r *memory.Region, at int64, code ...uint32) {
	tb.Helper()
	_, err := r.WriteAt(ppcCode(code...), at)
	must(tb, err)
}

// newGuest is a VM with one vCPU in real mode, with 128 KiB of memory at 0.
func newGuest(tb testing.TB, code ...uint32) (*VM, *VCPU, *memory.Region) {
	tb.Helper()
	vm := newTestVM(tb)
	r := addMemory(tb, vm, 0, 0, 0, 0x20000)
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
		regs, _ := v.Regs()
		tb.Fatalf("Run: %v; registers %#x", err, regs)
	}
	if exit.Reason() != want {
		regs, _ := v.Regs()
		tb.Fatalf("exit reason %v (%#x), want %v; registers %#x", exit.Reason(), exit.Raw(), want, regs)
	}
	return exit
}

// runToCall runs the vCPU to the hypercall with that number.
func runToCall(tb testing.TB, v *VCPU, number uint64) PAPRHcallExit {
	tb.Helper()
	x := runUntil(tb, v, uapi.ExitPAPRHcall).PAPRHcall()
	if x.Nr != number {
		regs, _ := v.Regs()
		tb.Fatalf("hypercall %#x, want %#x; registers %#x", x.Nr, number, regs)
	}
	return x
}

// firmwareNode is where a bare machine's firmware is in the device tree.
const firmwareNode = "/proc/device-tree/ibm,opal"

// bareMachine reports whether this host is no guest itself.
func bareMachine() bool { return exists(firmwareNode) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
