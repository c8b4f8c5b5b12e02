package device

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// guest32 accesses a device of 32-bit registers the way a driver does.
type guest32 struct{ d Device }

func (g guest32) in(register uint64) uint32 {
	var p [4]byte
	g.d.Read(register, p[:])
	return binary.LittleEndian.Uint32(p[:])
}

func (g guest32) out(register uint64, v uint32) {
	g.d.Write(register, binary.LittleEndian.AppendUint32(nil, v))
}

func want32(t testing.TB, what string, got, want uint32) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %#x, want %#x", what, got, want)
	}
}

func TestReadWords(t *testing.T) {
	values := map[uint64]uint32{0: 0x33221100, 4: 0x77665544, 8: 0xbbaa9988}
	for offset := range uint64(8) {
		for n := range 5 {
			p := make([]byte, n)
			reads := map[uint64]int{}
			readWords(offset, p, func(r uint64) uint32 { reads[r]++; return values[r] })
			for i, b := range p {
				if want := byte(offset+uint64(i)) * 0x11; b != want {
					t.Errorf("%d bytes at %d: byte %d is %#x, want %#x", n, offset, i, b, want)
				}
			}
			for r, count := range reads {
				if count != 1 {
					t.Errorf("%d bytes at %d: register %d was read %d times", n, offset, r, count)
				}
			}
		}
	}
}

func TestWriteWords(t *testing.T) {
	got := map[uint64]uint32{}
	writeWords(2, []byte{1, 2, 3, 4, 5}, func(r uint64, v uint32) { got[r] = v })
	if len(got) != 2 || got[0] != 0x02010000 || got[4] != 0x050403 {
		t.Errorf("%#x", got)
	}
}

func TestPrimeCellsIdentify(t *testing.T) {
	for name, c := range map[string]struct {
		d    Device
		part uint32
	}{
		"PL011": {NewPL011(SerialConfig{}), 0x00141011},
		"PL031": {NewPL031(nil, nil), 0x00041031},
	} {
		g := guest32{c.d}
		part, class := uint32(0), uint32(0)
		for i := range uint64(4) {
			part |= g.in(0xfe0+4*i) << (8 * i)
			class |= g.in(0xff0+4*i) << (8 * i)
		}
		want32(t, name+"'s part", part, c.part)
		want32(t, name+"'s class", class, 0xb105f00d)
	}
	var p [8]byte
	NewPL031(nil, nil).Read(0xfffc, p[:])
	if !bytes.Equal(p[:], make([]byte, 8)) {
		t.Errorf("outside of the device: % x", p)
	}
}
