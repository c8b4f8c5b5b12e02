package x86

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"linuxkvm/boot"
)

func TestReadHeader(t *testing.T) {
	kernel := bzImage([]byte("payload"))
	h, err := ReadHeader(image(kernel))
	if err != nil {
		t.Fatal(err)
	}
	h.raw = nil
	want := Header{
		Version: 0x20f, KernelVersion: synthVersion, SetupSize: synthSetup, SystemSize: uint64(len(kernel) - synthSetup),
		PrefAddress: synthPref, InitSize: synthInit, Alignment: 0x200000, Relocatable: true, InitrdMax: 0x7fffffff,
		CmdlineSize: 2047, PayloadOffset: synthSetup + 1024, PayloadSize: 7,
	}
	if h.Version != want.Version || h.KernelVersion != want.KernelVersion || h.SetupSize != want.SetupSize || h.SystemSize != want.SystemSize ||
		h.PrefAddress != want.PrefAddress || h.InitSize != want.InitSize || h.Alignment != want.Alignment || h.Relocatable != want.Relocatable ||
		h.InitrdMax != want.InitrdMax || h.CmdlineSize != want.CmdlineSize || h.PayloadOffset != want.PayloadOffset || h.PayloadSize != want.PayloadSize {
		t.Errorf("got %+v\nwant %+v", *h, want)
	}
}

func TestHeaderRefusals(t *testing.T) {
	put16 := func(off int, v uint16) func([]byte) { return func(b []byte) { le.PutUint16(b[off:], v) } }
	put32 := func(off int, v uint32) func([]byte) { return func(b []byte) { le.PutUint32(b[off:], v) } }
	put64 := func(off int, v uint64) func([]byte) { return func(b []byte) { le.PutUint64(b[off:], v) } }
	cases := []struct {
		name string
		edit func([]byte)
		kind error
		text string
	}{
		{"boot flag", put16(offBootFlag, 0x1234), boot.ErrCorrupt, "0x1234"},
		{"old protocol", put16(offVersion, 0x20b), boot.ErrUnsupported, "2.11"},
		{"zImage", func(b []byte) { b[offLoadflags] = 0 }, boot.ErrUnsupported, "zImage"},
		{"32-bit", put16(offXloadflags, 0), boot.ErrWrongArch, "32-bit"},
		{"no code", put32(offSyssize, 0x20), boot.ErrCorrupt, "entry point"},
		{"more code than file", put32(offSyssize, 0x10000), boot.ErrTruncated, "truncated"},
		{"code of 64 GiB", put32(offSyssize, 0xffffffff), boot.ErrTruncated, "truncated"},
		{"payload beyond", put32(offPayloadLen, 0xffffffff), boot.ErrCorrupt, "payload"},
		{"payload elsewhere", put32(offPayload, 0xfffffff0), boot.ErrCorrupt, "payload"},
		{"little memory", put32(offInitSize, 16), boot.ErrCorrupt, "memory"},
		{"alignment 0", put32(offAlignment, 0), boot.ErrCorrupt, "alignment"},
		{"alignment 3", put32(offAlignment, 3), boot.ErrCorrupt, "alignment"},
		{"address 0", put64(offPrefAddress, 0), boot.ErrCorrupt, "low memory"},
		{"address in the hole", put64(offPrefAddress, HoleAddr), boot.ErrCorrupt, "0xc0000000"},
		{"address far away", put64(offPrefAddress, 1<<63), boot.ErrCorrupt, "low memory"},
		{"unaligned address", put64(offPrefAddress, synthPref+4096), boot.ErrCorrupt, "aligned"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			kernel := bzWithGzip(t)
			c.edit(kernel)
			conf := config(t, kernel)
			conf.Protocol = ProtocolLinux64
			_, err := Load(newRAM(conf.Layout), conf)
			wantError(t, err, c.kind, c.text)
		})
	}
}

// TestTruncatedBzImage cuts a bzImage at every length of its headers, and in
// larger steps behind, with and without the EFI signature at its start.
func TestTruncatedBzImage(t *testing.T) {
	efi := bzWithGzip(t)
	le.PutUint32(efi[0x3c:], 0x40)
	copy(efi[0x40:], "PE\x00\x00\x64\x86")
	bios := bzWithGzip(t)
	copy(bios, "\xea\x05")
	for name, kernel := range map[string][]byte{"EFI": efi, "BIOS": bios} {
		for n := 0; n < len(kernel); n++ {
			if n > 2100 {
				n = min(n+97, len(kernel)-1)
			}
			for _, p := range []Protocol{ProtocolAuto, ProtocolPVH, ProtocolLinux64} {
				c := config(t, kernel[:n])
				c.Protocol = p
				_, err := Load(newRAM(c.Layout), c)
				if !errors.Is(err, boot.ErrTruncated) && !errors.Is(err, boot.ErrCorrupt) && !errors.Is(err, boot.ErrNotKernel) {
					t.Fatalf("%s cut to %d of %d bytes, %v: %v", name, n, len(kernel), p, err)
				}
			}
		}
	}
}

func TestKernelString(t *testing.T) {
	for name, c := range map[string]struct {
		edit func([]byte)
		want string
	}{
		"none":             {func(b []byte) { le.PutUint16(b[offKernelString:], 0) }, ""},
		"beyond the setup": {func(b []byte) { le.PutUint16(b[offKernelString:], 0xffff) }, ""},
		"not terminated": {func(b []byte) {
			le.PutUint16(b[offKernelString:], synthSetup-0x200-4)
			copy(b[synthSetup-4:], "abcd")
		}, "abcd"},
		"control bytes": {func(b []byte) { copy(b[0x400:], "6.1\n\x1b[2J") }, "6.1"},
	} {
		kernel := bzImage(nil)
		c.edit(kernel)
		h, err := ReadHeader(image(kernel))
		if err != nil || h.KernelVersion != c.want {
			t.Errorf("%s: %+v, %v; want version %q", name, h, err, c.want)
		}
	}
}

// TestExtractVmlinux reads to the end, also what lies behind the ELF file.
func TestExtractVmlinux(t *testing.T) {
	r, format, err := ExtractVmlinux(image(bzWithGzip(t)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, append(vmlinux64(), make([]byte, 100)...)) {
		t.Errorf("%d bytes of %v, %v", len(got), format, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	_, _, err = ExtractVmlinux(image([]byte("text")))
	wantError(t, err, boot.ErrNotKernel, "HdrS")
	_, _, err = ExtractVmlinux(image(bzImage([]byte("no format"))))
	wantError(t, err, boot.ErrUnsupported, "unknown")
}

// failing is an image on a disk that breaks after some reads.
type failing struct {
	*bytes.Reader
	left *int
}

var errDisk = errors.New("disk failure")

func failAfter(b []byte, reads int) failing { return failing{bytes.NewReader(b), &reads} }

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if *f.left--; *f.left < 0 {
		return 0, errDisk
	}
	return f.Reader.ReadAt(p, off)
}

// TestReadErrors: errors of the file come through and are not called corruption.
func TestReadErrors(t *testing.T) {
	cases := []struct {
		kernel []byte
		p      Protocol
		reads  int // how many reads, at least, a load takes
	}{
		{bzWithGzip(t), ProtocolAuto, 5}, {bzWithGzip(t), ProtocolLinux64, 4},
		{vmlinux64(), ProtocolAuto, 3}, {gzipped(t, vmlinux64()), ProtocolAuto, 3},
	}
	for i, k := range cases {
		for n := range k.reads {
			c := config(t, nil)
			c.Protocol, c.Kernel = k.p, failAfter(k.kernel, n)
			_, err := Load(newRAM(c.Layout), c)
			if !errors.Is(err, errDisk) || errors.Is(err, boot.ErrCorrupt) || errors.Is(err, boot.ErrTruncated) {
				t.Errorf("kernel %d, disk fails after %d reads: %v", i, n, err)
			}
		}
	}
	c := config(t, vmlinux64())
	c.Initrd = failAfter(make([]byte, 5000), 0)
	if _, err := Load(newRAM(c.Layout), c); !errors.Is(err, errDisk) {
		t.Errorf("initrd: %v", err)
	}
}

// shrunk says that it is longer than it is, like a file that is cut while it is read.
type shrunk struct {
	*bytes.Reader
	size int64
}

func (s shrunk) Size() int64 { return s.size }

func TestShrunkInitrd(t *testing.T) {
	c := config(t, vmlinux64())
	c.Initrd = shrunk{bytes.NewReader(make([]byte, 100)), 200}
	_, err := Load(newRAM(c.Layout), c)
	wantError(t, err, boot.ErrTruncated, "100 of 200")
}
