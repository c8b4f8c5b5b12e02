package x86

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"linuxkvm/boot"
)

// counter is guest memory that keeps nothing: it refuses what is outside of RAM
// and counts the rest.
type counter struct {
	l     Layout
	bytes uint64
}

func (c *counter) ReadAt([]byte, int64) (int, error) {
	panic("a loader has nothing to read from guest memory")
}

func (c *counter) WriteAt(p []byte, off int64) (int, error) {
	r := boot.Range{Start: uint64(off), Size: uint64(len(p))}
	if off < 0 || !c.l.Low().Contains(r) && !c.l.High().Contains(r) {
		return 0, errOutside
	}
	c.bytes += r.Size
	return len(p), nil
}

var kinds = []error{boot.ErrNotKernel, boot.ErrWrongArch, boot.ErrUnsupported, boot.ErrTruncated, boot.ErrCorrupt,
	boot.ErrTooSmall, boot.ErrCmdline, boot.ErrInitrd}

// checkError wants one of the sentinels and one sentence with a remedy. Nothing
// else is possible with images in memory: an error of guest memory would be a
// write where the layout has no RAM.
func checkError(t *testing.T, err error) {
	t.Helper()
	if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), ";") {
		t.Errorf("not one sentence with a remedy: %q", err)
	}
	for _, k := range kinds {
		if errors.Is(err, k) {
			return
		}
	}
	t.Errorf("untyped error: %v", err)
}

// checkLoad loads an image every way and checks what comes of it.
func checkLoad(t *testing.T, kernel []byte) {
	t.Helper()
	const mib = 64
	initrd := make([]byte, 5000)
	for _, p := range []Protocol{ProtocolAuto, ProtocolPVH, ProtocolLinux64} {
		l := layout(t, mib)
		m := &counter{l: l}
		got, err := Load(m, Config{Kernel: image(kernel), Initrd: image(initrd), Cmdline: "quiet", Layout: l, Protocol: p})
		// Auto may write a kernel twice: when it turns out to have no PVH entry.
		if m.bytes > 2*mib<<20+1<<20 {
			t.Errorf("%v: %d bytes written to %d MiB of RAM", p, m.bytes, mib)
		}
		if err != nil {
			checkError(t, err)
			continue
		}
		checkLoaded(t, l, got)
	}
}

func checkLoaded(t *testing.T, l Layout, got *Loaded) {
	t.Helper()
	if !l.Contains(got.Kernel) || !l.Contains(got.Initrd) || got.Kernel.Overlaps(got.Initrd) {
		t.Errorf("kernel at %#x, initrd at %#x", got.Kernel, got.Initrd)
	}
	if rip := got.Entry.RIP; rip < got.Kernel.Start || rip >= got.Kernel.End() || rip >= 1<<32 {
		t.Errorf("entry %#x is outside of the kernel %#x", rip, got.Kernel)
	}
}

func FuzzLoadBzImage(f *testing.F) {
	whole := bzWithGzip(f)
	f.Add(whole)
	f.Add(whole[:len(whole)-30])
	f.Add(whole[:1100])
	f.Add(bzImage(vmlinux64()))
	f.Add(bzImage([]byte("\xfd7zXZ\x00")))
	f.Add(bzImage(nil))
	f.Fuzz(func(t *testing.T, kernel []byte) { checkLoad(t, kernel) })
}

// FuzzBzHeader spends all its effort on the setup header.
func FuzzBzHeader(f *testing.F) {
	whole := bzWithGzip(f)
	f.Add(whole[offSetupSects:0x26c])
	f.Fuzz(func(t *testing.T, header []byte) {
		kernel := bytes.Clone(whole)
		copy(kernel[offSetupSects:synthSetup], header)
		checkLoad(t, kernel)
	})
}

func FuzzLoadELF(f *testing.F) {
	f.Add(vmlinux64())
	f.Add(vmlinux64()[:400])
	f.Add(gzipped(f, vmlinux64()))
	f.Add(elfFile(segment{kind: ptLoad, paddr: synthText, data: text()}))
	f.Add(elfFile(segment{kind: ptLoad, paddr: synthText, memsz: 1 << 20, data: []byte("x")}, pvhNote(synthText)))
	f.Add(elfFile(pvhNote(synthText)))
	f.Fuzz(func(t *testing.T, kernel []byte) { checkLoad(t, kernel) })
}

// FuzzPVHNote puts any bytes where the notes are.
func FuzzPVHNote(f *testing.F) {
	f.Add(noteBytes("Xen", notePVH, le.AppendUint64(nil, synthEntry)))
	f.Add(noteBytes("Xen", notePVH, le.AppendUint32(nil, synthEntry)))
	f.Add(append(noteBytes("GNU", 3, []byte("12345")), noteBytes("Xen", notePVH, []byte("1234"))...))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x12\x00\x00\x00Xen\x00"))
	f.Fuzz(func(t *testing.T, notes []byte) {
		if entry, ok := pvhEntry([][]byte{notes}); !ok && entry != 0 {
			t.Errorf("no entry, and it is %#x", entry)
		}
		if len(notes) < maxNotes {
			checkLoad(t, elfFile(segment{kind: ptLoad, paddr: synthText, data: text()}, segment{kind: ptNote, data: notes}))
		}
	})
}
