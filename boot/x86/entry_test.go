package x86

import (
	"bytes"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

func TestEntryPVH(t *testing.T) {
	m, l := load(t, config(t, vmlinux64()))
	e := l.Entry
	if e.Mode != Protected32 || e.RFLAGS != 2 || e.CR3 != 0 || e.CR4 != 0 || e.EFER != 0 || e.RSI != 0 {
		t.Errorf("%+v", e)
	}
	if e.CR0&1 == 0 || e.CR0&(1<<31) != 0 {
		t.Errorf("CR0 %#x: want protection without paging", e.CR0)
	}
	if e.CS.DB != 1 || e.CS.L != 0 || e.CS.Base != 0 || e.CS.Limit != 0xffffffff {
		t.Errorf("CS %+v: want flat 32-bit code", e.CS)
	}
	checkGDT(t, m, e)
}

func TestEntryLinux64(t *testing.T) {
	c := config(t, bzWithGzip(t))
	c.Protocol = ProtocolLinux64
	m, l := load(t, c)
	e := l.Entry
	if e.Mode != Long64 || e.RFLAGS != 2 || e.CR3 != PageTableAddr || e.CR4&(1<<5) == 0 {
		t.Errorf("%+v", e)
	}
	if e.CR0&1 == 0 || e.CR0&(1<<31) == 0 || e.EFER&(1<<8) == 0 || e.EFER&(1<<10) == 0 {
		t.Errorf("CR0 %#x EFER %#x: want long mode, active", e.CR0, e.EFER)
	}
	if e.CS.Selector != 0x10 || e.Data.Selector != 0x18 || e.CS.L != 1 || e.CS.DB != 0 {
		t.Errorf("CS %+v DS %+v", e.CS, e.Data)
	}
	checkGDT(t, m, e)
}

// checkGDT decodes the descriptors in guest memory: they must agree with the segments.
func checkGDT(t *testing.T, m *ram, e Entry) {
	t.Helper()
	gdt := m.read(t, e.GDTBase, int(e.GDTLimit)+1)
	if le.Uint64(gdt) != 0 {
		t.Error("the null descriptor is not null")
	}
	for name, s := range map[string]Segment{"CS": e.CS, "DS": e.Data, "TR": e.TR} {
		d := le.Uint64(gdt[s.Selector:])
		limit := uint32(d&0xffff | d>>32&0xf0000)
		if d>>55&1 != 0 {
			limit = limit<<12 | 0xfff
		}
		got := Segment{
			Base: d>>16&0xffffff | d>>32&0xff000000, Limit: limit, Selector: s.Selector, Type: uint8(d >> 40 & 15), S: uint8(d >> 44 & 1),
			DPL: uint8(d >> 45 & 3), Present: uint8(d >> 47 & 1), AVL: uint8(d >> 52 & 1), L: uint8(d >> 53 & 1), DB: uint8(d >> 54 & 1), G: uint8(d >> 55 & 1),
		}
		if got != s {
			t.Errorf("%s: the descriptor says %+v, the register %+v", name, got, s)
		}
	}
	// A 64-bit TSS descriptor has an upper half, here zero.
	if le.Uint64(gdt[e.TR.Selector+8:]) != 0 {
		t.Error("the task state's upper half is not zero")
	}
}

// TestResetVector disassembles the code, as the 16-bit code it is.
func TestResetVector(t *testing.T) {
	m := newRAM(layout(t, 4))
	if err := WriteResetVector(m); err != nil {
		t.Fatal(err)
	}
	code := m.read(t, 0xffff0, 16)
	var got []string
	for off := 0; off < 9; {
		inst, err := x86asm.Decode(code[off:], 16)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, x86asm.IntelSyntax(inst, uint64(off), nil))
		off += inst.Len
	}
	want := []string{"mov dx, 0x602", "mov al, 0x1", "out dx, al", "hlt", "jmp 0x6"}
	for i, w := range want {
		if i >= len(got) || got[i] != w {
			t.Fatalf("the code is %q, want %q", got, want)
		}
	}
	if !bytes.Equal(code[9:], make([]byte, 7)) {
		t.Errorf("more was written: % x", code)
	}
	if ResetVectorAddr < ACPIAddr || ResetVectorAddr+16 > ACPIAddr+ACPIRoom {
		t.Error("the reset vector is not in reserved memory")
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		ProtocolAuto.String(): "auto", ProtocolPVH.String(): "pvh", ProtocolLinux64.String(): "linux64", Protocol(9).String(): "protocol 9",
		Protected32.String(): "32-bit protected mode", Long64.String(): "64-bit long mode", Mode(0).String(): "no mode",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
