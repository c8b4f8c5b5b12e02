package x86

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"
)

// Synthesized kernels: correct to the letter where a loader looks, and nothing else.

var le = binary.LittleEndian

const (
	synthVersion = "6.12.0-synth (x86)"
	synthSects   = 3 // of setup code behind the first sector
	synthSetup   = (1 + synthSects) * sectorSize
	synthPref    = 0x1000000
	synthInit    = 0x400000
)

// bzImage makes a bzImage around a payload. The protected-mode code is 1 KiB of
// a pattern, the payload, and padding.
func bzImage(payload []byte) []byte {
	const payloadAt = 1024
	system := (payloadAt + len(payload) + 15) &^ 15
	b := make([]byte, synthSetup+system)
	copy(b, "MZ")
	b[offSetupSects] = synthSects
	le.PutUint32(b[offSyssize:], uint32(system/16))
	le.PutUint16(b[offBootFlag:], bootFlag)
	b[0x200], b[offJump] = 0xeb, 0x6a // the header ends at 0x26c
	copy(b[offMagic:], "HdrS")
	le.PutUint16(b[offVersion:], 0x20f)
	le.PutUint16(b[offKernelString:], 0x200)
	copy(b[0x400:], synthVersion+"\x00")
	b[offLoadflags] = loadedHigh
	le.PutUint32(b[offInitrdMax:], 0x7fffffff)
	le.PutUint32(b[offAlignment:], 0x200000)
	b[offRelocatable] = 1
	le.PutUint16(b[offXloadflags:], xlfKernel64)
	le.PutUint32(b[offCmdlineSize:], 2047)
	le.PutUint32(b[offPayload:], payloadAt)
	le.PutUint32(b[offPayloadLen:], uint32(len(payload)))
	le.PutUint64(b[offPrefAddress:], synthPref)
	le.PutUint32(b[offInitSize:], synthInit)
	for i := range payloadAt {
		b[synthSetup+i] = byte(i*7 + i>>8)
	}
	copy(b[synthSetup+payloadAt:], payload)
	return b
}

// segment is a program header with its content.
type segment struct {
	kind         uint32
	paddr, memsz uint64
	data         []byte
}

// elfFile makes an ELF file; the segments' content follows the headers in order.
func elfFile(segs ...segment) []byte {
	b := make([]byte, elfHeaderSize+len(segs)*progHeaderSize)
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], elfTypeExec)
	le.PutUint16(b[18:], elfMachineX8664)
	le.PutUint64(b[32:], elfHeaderSize)
	le.PutUint16(b[54:], progHeaderSize)
	le.PutUint16(b[56:], uint16(len(segs)))
	for i, s := range segs {
		h := b[elfHeaderSize+i*progHeaderSize:]
		le.PutUint32(h, s.kind)
		le.PutUint64(h[8:], uint64(len(b)))
		le.PutUint64(h[16:], 0xffffffff80000000+s.paddr)
		le.PutUint64(h[24:], s.paddr)
		le.PutUint64(h[32:], uint64(len(s.data)))
		le.PutUint64(h[40:], max(s.memsz, uint64(len(s.data))))
		b = append(b, s.data...)
	}
	return b
}

// noteBytes encodes an ELF note.
func noteBytes(name string, kind uint32, desc []byte) []byte {
	var b []byte
	b = le.AppendUint32(b, uint32(len(name)+1))
	b = le.AppendUint32(b, uint32(len(desc)))
	b = le.AppendUint32(b, kind)
	pad := func() { b = append(b, make([]byte, -len(b)&3)...) }
	b = append(append(b, name...), 0)
	pad()
	b = append(b, desc...)
	pad()
	return b
}

const (
	synthText  = 0x1000000
	synthData  = 0x1200000
	synthEntry = synthText + 0x10
)

func text() []byte { return bytes.Repeat([]byte("text"), 500) }
func data() []byte { return bytes.Repeat([]byte("DATA"), 300) }

// vmlinux64 is an ELF kernel with text, data with bss, and notes: another one
// before the PVH entry.
func vmlinux64() []byte {
	notes := noteBytes("GNU", 3, []byte("build-id!"))
	notes = append(notes, noteBytes("Xen", notePVH, le.AppendUint64(nil, synthEntry))...)
	return elfFile(
		segment{kind: ptLoad, paddr: synthText, data: text()},
		segment{kind: ptLoad, paddr: synthData, data: data(), memsz: 0x5000},
		segment{kind: ptNote, data: notes},
	)
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bzWithGzip is a bzImage with vmlinux64 inside, behind which there is a
// relocation table and the appended length.
func bzWithGzip(t testing.TB) []byte {
	t.Helper()
	inner := append(vmlinux64(), make([]byte, 100)...)
	return bzImage(le.AppendUint32(gzipped(t, inner), uint32(len(inner))))
}
