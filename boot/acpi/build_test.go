package acpi

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

const (
	testAddr = 0xe0000
	testRoom = 0x20000
)

func sum(b []byte) (s byte) {
	for _, c := range b {
		s += c
	}
	return s
}

// table finds a table by its guest-physical address, the way a guest does.
func table(t *testing.T, tables *Tables, gpa uint64, signature string) []byte {
	t.Helper()
	off := gpa - testAddr
	if gpa < testAddr || off+headerSize > uint64(len(tables.Blob)) || gpa%16 != 0 {
		t.Fatalf("%s at %#x is not in the tables or not aligned", signature, gpa)
	}
	b := tables.Blob[off:]
	size := binary.LittleEndian.Uint32(b[4:])
	if string(b[:4]) != signature || uint64(size) > uint64(len(b)) {
		t.Fatalf("%s at %#x is %q of %d bytes", signature, gpa, b[:4], size)
	}
	b = b[:size]
	if sum(b) != 0 {
		t.Errorf("%s: bytes add up to %#x", signature, sum(b))
	}
	if !bytes.Equal(b, tables.Named[signature]) {
		t.Errorf("%s: Named has another table", signature)
	}
	return b
}

// TestChain follows the addresses from the RSDP to every table.
func TestChain(t *testing.T) {
	le := binary.LittleEndian
	for label, m := range machines() {
		t.Run(label, func(t *testing.T) {
			tables := build(t, m)
			r := tables.Blob[:36]
			if string(r[:8]) != "RSD PTR " || r[15] != 2 || le.Uint32(r[20:]) != 36 || sum(r[:20]) != 0 || sum(r) != 0 || tables.RSDP != testAddr {
				t.Fatalf("RSDP % x", r)
			}
			x := table(t, tables, le.Uint64(r[24:]), "XSDT")
			if len(x) != headerSize+2*8 {
				t.Fatalf("the XSDT has %d bytes", len(x))
			}
			f := table(t, tables, le.Uint64(x[headerSize:]), "FACP")
			table(t, tables, le.Uint64(x[headerSize+8:]), "APIC")
			table(t, tables, le.Uint64(f[140:]), "DSDT")
			if len(tables.Named) != 4 {
				t.Errorf("%d named tables", len(tables.Named))
			}
		})
	}
}

func TestFADT(t *testing.T) {
	le := binary.LittleEndian
	f := build(t, full()).Named["FACP"]
	flags := le.Uint32(f[112:])
	if flags&(1<<20) == 0 || flags&(1<<10) == 0 {
		t.Errorf("flags %#x: want hardware-reduced and a reset register", flags)
	}
	for name, r := range map[string][3]uint64{"reset": {116, 0x602, 1}, "sleep control": {244, 0x600, 1}, "sleep status": {256, 0x601, 1}} {
		g := f[r[0]:]
		if g[0] != 1 || g[1] != 8 || g[3] != 1 || le.Uint64(g[4:]) != r[1] {
			t.Errorf("%s register % x", name, g[:12])
		}
	}
	if f[128] != 1 {
		t.Errorf("reset value %#x", f[128])
	}
	if arch := le.Uint16(f[109:]); arch&(1<<1) == 0 || arch&(1<<5) != 0 {
		t.Errorf("boot architecture %#x: want a keyboard controller and a clock", arch)
	}
	f = build(t, Machine{CPUs: 1}).Named["FACP"]
	if flags := le.Uint32(f[112:]); flags&(1<<10) != 0 || !bytes.Equal(f[116:129], make([]byte, 13)) || !bytes.Equal(f[244:268], make([]byte, 24)) {
		t.Errorf("a machine without registers has some: flags %#x", flags)
	}
	if arch := le.Uint16(f[109:]); arch&(1<<1) != 0 || arch&(1<<5) == 0 {
		t.Errorf("boot architecture %#x: want no keyboard controller and no clock", arch)
	}
}

// TestMADT counts processors of both kinds of entry.
func TestMADT(t *testing.T) {
	le := binary.LittleEndian
	for _, cpus := range []int{1, 8, 255, 256, 300} {
		m := full()
		m.CPUs = cpus
		b := build(t, m).Named["APIC"]
		if le.Uint32(b[36:]) != m.LAPICAddr || le.Uint32(b[40:]) != 0 {
			t.Errorf("%d CPUs: local APIC % x", cpus, b[36:44])
		}
		next, ioapics := uint32(0), 0
		for b = b[44:]; len(b) > 0; b = b[b[1]:] {
			var id, flags uint32
			switch b[0] {
			case madtLAPIC:
				id, flags = uint32(b[3]), le.Uint32(b[4:])
			case madtX2APIC:
				id, flags = le.Uint32(b[4:]), le.Uint32(b[8:])
			case madtIOAPIC:
				if ioapics++; le.Uint32(b[4:]) != m.IOAPICAddr || le.Uint32(b[8:]) != 0 {
					t.Errorf("IOAPIC % x", b[:12])
				}
				continue
			default:
				continue
			}
			if id != next || flags != 1 {
				t.Fatalf("%d CPUs: entry with id %d and flags %#x, want %d", cpus, id, flags, next)
			}
			next++
		}
		if int(next) != cpus || ioapics != 1 {
			t.Errorf("%d processors and %d IOAPICs, want %d and 1", next, ioapics, cpus)
		}
	}
}

func TestLimits(t *testing.T) {
	ok := Machine{CPUs: 1}
	edit := func(f func(m *Machine)) Machine { m := ok; f(&m); return m }
	for text, m := range map[string]Machine{
		"0 vCPUs":            {},
		"-1 vCPUs":           {CPUs: -1},
		"4097 vCPUs":         {CPUs: 4097},
		"5 serial ports":     edit(func(m *Machine) { m.Serial = make([]Serial, 5) }),
		"257 virtio devices": edit(func(m *Machine) { m.Virtio = make([]Virtio, 257) }),
		"virtio device 0":    edit(func(m *Machine) { m.Virtio = []Virtio{{Addr: 0x1000}} }),
		"virtio device 1":    edit(func(m *Machine) { m.Virtio = []Virtio{{Addr: 1, Size: 1}, {Addr: ^uint64(0), Size: 2}} }),
	} {
		if _, err := Build(m, testAddr, testRoom); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want an error with %q", err, text)
		}
	}
	if _, err := Build(ok, testAddr+8, testRoom); err == nil {
		t.Error("an address that is not aligned passed")
	}
	tables := build(t, ok)
	if _, err := Build(ok, testAddr, uint64(len(tables.Blob))); err != nil {
		t.Errorf("exactly enough room: %v", err)
	}
	if _, err := Build(ok, testAddr, uint64(len(tables.Blob))-1); err == nil {
		t.Error("a byte too little room passed")
	}
	most := Machine{CPUs: 4096, Serial: make([]Serial, 4), Virtio: make([]Virtio, 256)}
	for i := range most.Virtio {
		most.Virtio[i].Size = 1
	}
	if _, err := Build(most, testAddr, 1<<20); err != nil {
		t.Errorf("the most of everything: %v", err)
	}
}

// TestPure: the tables are a function of the description.
func TestPure(t *testing.T) {
	if !bytes.Equal(build(t, full()).Blob, build(t, full()).Blob) {
		t.Error("two builds differ")
	}
}

type sink struct {
	off int64
	b   []byte
	err error
}

func (s *sink) WriteAt(p []byte, off int64) (int, error) {
	s.off, s.b = off, bytes.Clone(p)
	return len(p), s.err
}

func TestWriteTo(t *testing.T) {
	tables := build(t, full())
	var s sink
	if err := tables.WriteTo(&s); err != nil || s.off != testAddr || !bytes.Equal(s.b, tables.Blob) {
		t.Errorf("%v, %d bytes at %#x", err, len(s.b), s.off)
	}
	s.err = errors.New("no RAM")
	if err := tables.WriteTo(&s); !errors.Is(err, s.err) {
		t.Errorf("%v", err)
	}
}

// TestPackageLength reads back what withLength encodes, at its corners.
func TestPackageLength(t *testing.T) {
	for _, n := range []int{0, 1, 62, 63, 4093, 4094, 1<<20 - 4, 1<<20 - 3, 1 << 20} {
		b := withLength(make([]byte, n))
		more := int(b[0] >> 6)
		got := int(b[0] & 0x3f)
		for i := range more {
			got |= int(b[1+i]) << (4 + 8*i)
		}
		if got != len(b) || len(b) != n+1+more || more > 0 && b[0]&0x30 != 0 {
			t.Errorf("body of %d bytes: encoded %d, is %d", n, got, len(b))
		}
	}
}

func TestIntegers(t *testing.T) {
	for v, want := range map[uint64]string{
		0: "\x00", 1: "\x01", 2: "\x0a\x02", 0xff: "\x0a\xff", 0x100: "\x0b\x00\x01", 0x10000: "\x0c\x00\x00\x01\x00",
		1 << 32: "\x0e\x00\x00\x00\x00\x01\x00\x00\x00",
	} {
		if got := integer(v); string(got) != want {
			t.Errorf("%#x: % x, want % x", v, got, want)
		}
	}
	if got := eisaID("PNP0501"); string(got) != "\x0c\x41\xd0\x05\x01" {
		t.Errorf("PNP0501 is % x", got)
	}
}
