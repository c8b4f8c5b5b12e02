package kvm

import (
	"context"
	"testing"

	"linuxkvm/uapi"
)

// The rows of bench/exits, without the comparison to C.

func BenchmarkPortIOExit(b *testing.B) {
	_, v, _ := newProgram(b, programExit)
	benchmarkLoop(b, v, func(e Exit) {
		x := e.IO()
		took += uint64(x.Port) + x.Data().Uint64()
	})
}

func BenchmarkMMIOExit(b *testing.B) {
	_, v, _ := newGuest(b,
		0xb8, 0x00, 0x20, 0x8e, 0xd8, // mov ax, 0x2000; mov ds, ax: behind the RAM
		0xa2, 0x00, 0x00, 0xeb, 0xfb, // again: mov [0], al; jmp again
	)
	benchmarkLoop(b, v, func(e Exit) {
		x := e.MMIO()
		took += x.GPA + x.Data().Uint64()
	})
}

// BenchmarkKickedRun is KVM_RUN with immediate_exit set.
func BenchmarkKickedRun(b *testing.B) {
	_, v, _ := newProgram(b, programExit)
	must(b, v.Kick())
	benchmarkLoop(b, v, func(Exit) { _ = v.Kick() })
}

// benchmarkLoop counts the exits of one Loop.
func benchmarkLoop(b *testing.B, v *VCPU, use func(Exit)) {
	b.ReportAllocs()
	err := v.Loop(context.Background(), func(e Exit) error {
		if e.Reason() == uapi.ExitIntr && !e.Kicked() {
			return nil
		}
		use(e)
		if b.Loop() {
			return nil
		}
		return ErrStop
	})
	must(b, err)
}

// BenchmarkRun is a port I/O exit through Run, which finds out its thread anew.
func BenchmarkRun(b *testing.B) {
	_, v, _ := newProgram(b, programExit)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRegs(b *testing.B) {
	_, v, _ := newProgram(b, programExit)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Regs(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckExtension(b *testing.B) {
	s := openSystem(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.CheckExtension(uapi.CapUserMemory); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVMCycle(b *testing.B) {
	s := openSystem(b)
	b.ReportAllocs()
	for b.Loop() {
		must(b, oneVM(s))
	}
}
