package x86

import (
	"errors"
	"testing"

	"linuxkvm/boot"
)

func loadError(t *testing.T, kernel []byte) error {
	t.Helper()
	c := config(t, kernel)
	_, err := Load(newRAM(c.Layout), c)
	return err
}

func pvhNote(entry uint64) segment {
	return segment{kind: ptNote, data: noteBytes("Xen", notePVH, le.AppendUint32(nil, uint32(entry)))}
}

func TestELFRefusals(t *testing.T) {
	edit := func(f func(b []byte)) []byte {
		b := vmlinux64()
		f(b)
		return b
	}
	const ph0, ph1 = elfHeaderSize, elfHeaderSize + progHeaderSize
	ok := segment{kind: ptLoad, paddr: synthText, data: text()}
	cases := []struct {
		name   string
		kernel []byte
		kind   error
		text   string
	}{
		{"object file", edit(func(b []byte) { b[16] = 1 }), boot.ErrNotKernel, "type 1"},
		{"32-bit", edit(func(b []byte) { b[4] = 1 }), boot.ErrWrongArch, "x86-64"},
		{"arm64", edit(func(b []byte) { b[18] = 183 }), boot.ErrWrongArch, "arm64"},
		{"header size", edit(func(b []byte) { b[54] = 32 }), boot.ErrCorrupt, "32 bytes"},
		{"headers inside the header", edit(func(b []byte) { b[32] = 8 }), boot.ErrCorrupt, "0x8"},
		{"headers far away", edit(func(b []byte) { le.PutUint64(b[32:], 1<<63) }), boot.ErrCorrupt, "start of the file"},
		{"too many headers", edit(func(b []byte) { le.PutUint16(b[56:], 0xffff) }), boot.ErrCorrupt, "65535"},
		{"no header", edit(func(b []byte) { le.PutUint16(b[56:], 0) }), boot.ErrNotKernel, "no loadable"},
		{"no segment", elfFile(pvhNote(synthEntry)), boot.ErrNotKernel, "no loadable"},
		{"more file than memory", edit(func(b []byte) { le.PutUint64(b[ph0+40:], 5) }), boot.ErrCorrupt, "impossible"},
		{"offset overflows", edit(func(b []byte) { le.PutUint64(b[ph0+8:], 1<<63) }), boot.ErrCorrupt, "impossible"},
		{"address overflows", edit(func(b []byte) { le.PutUint64(b[ph0+24:], ^uint64(0)) }), boot.ErrCorrupt, "impossible"},
		{"size overflows", edit(func(b []byte) { le.PutUint64(b[ph1+40:], ^uint64(0)) }), boot.ErrCorrupt, "impossible"},
		{"file bytes shared", edit(func(b []byte) { le.PutUint64(b[ph1+8:], le.Uint64(b[ph0+8:])+1) }), boot.ErrCorrupt, "share"},
		{"behind the file", edit(func(b []byte) { le.PutUint64(b[ph1+8:], 1<<30) }), boot.ErrTruncated, "truncated"},
		{"note behind the file", edit(func(b []byte) { le.PutUint64(b[ph1+progHeaderSize+8:], 1<<30) }), boot.ErrTruncated, "truncated"},
		{"note overflows", edit(func(b []byte) { le.PutUint64(b[ph1+progHeaderSize+8:], 1<<63) }), boot.ErrCorrupt, "notes"},
		{"large notes", elfFile(ok, segment{kind: ptNote, data: make([]byte, maxNotes+1)}), boot.ErrCorrupt, "notes"},
		{"no PVH note", elfFile(ok), boot.ErrUnsupported, "CONFIG_PVH"},
		{"entry outside", elfFile(ok, pvhNote(synthText+0x100000)), boot.ErrCorrupt, "entry point"},
		{"entry in bss", elfFile(segment{kind: ptLoad, paddr: synthText, data: text(), memsz: 0x10000}, pvhNote(synthText+0x8000)), boot.ErrCorrupt, "entry point"},
		{"over the boot data", elfFile(segment{kind: ptLoad, paddr: GDTAddr, data: text()}, pvhNote(GDTAddr)), boot.ErrUnsupported, "0x100000"},
		{"in the BIOS area", elfFile(segment{kind: ptLoad, paddr: ACPIAddr, data: text()}, pvhNote(ACPIAddr)), boot.ErrUnsupported, "0x100000"},
		{"in the hole", elfFile(segment{kind: ptLoad, paddr: VirtioAddr, data: text()}, pvhNote(VirtioAddr)), boot.ErrUnsupported, "0xd0000000"},
		{"beyond 4 GiB", elfFile(segment{kind: ptLoad, paddr: HoleEnd, data: text()}, pvhNote(0)), boot.ErrUnsupported, "0x100000000"},
		{"out of RAM", elfFile(segment{kind: ptLoad, paddr: 127 << 20, data: text(), memsz: 2 << 20}, pvhNote(127<<20)), boot.ErrTooSmall, "162 MiB"},
		{"overlap", elfFile(ok, segment{kind: ptLoad, paddr: synthText + 100, data: text()}, pvhNote(synthEntry)), boot.ErrCorrupt, "overlap"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { wantError(t, loadError(t, c.kernel), c.kind, c.text) })
	}
}

// TestELFBeyond4GiB has RAM there, which a 32-bit entry cannot reach.
func TestELFBeyond4GiB(t *testing.T) {
	c := config(t, elfFile(segment{kind: ptLoad, paddr: HoleEnd, data: text()}, pvhNote(0)))
	c.Layout = layout(t, 4096)
	_, err := Load(newRAM(c.Layout), c)
	wantError(t, err, boot.ErrUnsupported, "may lie only")
}

// TestELFOrder has segments whose order in the file is not that in memory, a
// segment without content in the file, and the notes inside of a segment.
func TestELFOrder(t *testing.T) {
	notes := noteBytes("Xen", notePVH, le.AppendUint32(nil, synthEntry))
	b := elfFile(
		segment{kind: ptLoad, paddr: synthData, data: append(notes, data()...)},
		segment{kind: ptLoad, paddr: synthText, data: text()},
		segment{kind: ptLoad, paddr: 0x1400000, memsz: 0x3000},
		segment{kind: ptNote, data: nil},
	)
	at := elfHeaderSize + 3*progHeaderSize
	le.PutUint64(b[at+8:], le.Uint64(b[elfHeaderSize+8:]))
	le.PutUint64(b[at+32:], uint64(len(notes)))
	m, l := load(t, config(t, b))
	if l.Entry.RIP != synthEntry {
		t.Errorf("entry %#x", l.Entry.RIP)
	}
	if want := (boot.Range{Start: synthText, Size: 0x403000}); l.Kernel != want {
		t.Errorf("kernel at %#x, want %#x", l.Kernel, want)
	}
	if string(m.read(t, synthText, 4)) != "text" || string(m.read(t, synthData+uint64(len(notes)), 4)) != "DATA" {
		t.Error("segments are in the wrong places")
	}
	for _, c := range m.read(t, 0x1400000, 0x3000) {
		if c != 0 {
			t.Fatal("a segment without content is not zero")
		}
	}
}

func TestTruncatedELF(t *testing.T) {
	kernel := vmlinux64()
	for n := range kernel {
		err := loadError(t, kernel[:n])
		if !errors.Is(err, boot.ErrTruncated) && !(n < 4 && errors.Is(err, boot.ErrNotKernel)) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(kernel), err)
		}
	}
}

func TestTruncatedCompressedELF(t *testing.T) {
	kernel := gzipped(t, vmlinux64())
	for n := range len(kernel) - 8 - 4 { // less the trailer, and the end of the last block
		err := loadError(t, kernel[:n])
		if !errors.Is(err, boot.ErrTruncated) && !(n < 2 && errors.Is(err, boot.ErrNotKernel)) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(kernel), err)
		}
	}
}

func TestNotes(t *testing.T) {
	entry64 := le.AppendUint64(nil, 0x1234567)
	pvh := noteBytes("Xen", notePVH, entry64)
	cases := []struct {
		name  string
		notes [][]byte
		want  uint64
		ok    bool
	}{
		{"none", nil, 0, false},
		{"64 bits", [][]byte{pvh}, 0x1234567, true},
		{"32 bits", [][]byte{noteBytes("Xen", notePVH, entry64[:4])}, 0x1234567, true},
		{"16 bits", [][]byte{noteBytes("Xen", notePVH, entry64[:2])}, 0, false},
		{"another vendor", [][]byte{noteBytes("Yen", notePVH, entry64)}, 0, false},
		{"another type", [][]byte{noteBytes("Xen", 6, entry64)}, 0, false},
		{"second segment", [][]byte{noteBytes("GNU", 1, entry64), pvh}, 0x1234567, true},
		{"second note", [][]byte{append(noteBytes("GNU", 1, entry64[:5]), pvh...)}, 0x1234567, true},
		{"behind a broken segment", [][]byte{{1, 2, 3}, pvh}, 0x1234567, true},
		{"name too long", [][]byte{append([]byte{0xff, 0xff, 0xff, 0xff}, pvh[4:]...)}, 0, false},
		{"descriptor too long", [][]byte{append([]byte{4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, pvh[8:]...)}, 0, false},
		{"no padding at the end", [][]byte{noteBytes("Xen", notePVH, entry64[:4])[:20]}, 0x1234567, true},
		{"cut in the descriptor", [][]byte{pvh[:18]}, 0, false},
	}
	for _, c := range cases {
		if got, ok := pvhEntry(c.notes); got != c.want || ok != c.ok {
			t.Errorf("%s: %#x, %v; want %#x, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
