package x86

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"linuxkvm/boot"
	"linuxkvm/boot/payload"
)

const rsdp = ACPIAddr

func image(b []byte) boot.Image { return bytes.NewReader(b) }

// config is a boot with everything, in 128 MiB.
func config(t testing.TB, kernel []byte) Config {
	t.Helper()
	return Config{
		Kernel: image(kernel), Initrd: image(bytes.Repeat([]byte("initrd"), 1000)),
		Cmdline: "console=ttyS0 quiet", Layout: layout(t, 128), RSDP: rsdp,
	}
}

// load loads and fails the test on an error. RAM is full of rubbish before.
func load(t *testing.T, c Config) (*ram, *Loaded) {
	t.Helper()
	m := newRAM(c.Layout)
	for gpa := uint64(0); gpa < 2*HighAddr; gpa += PageSize {
		m.dirty(t, gpa)
	}
	for gpa := uint64(synthText); gpa < synthText+synthInit; gpa += PageSize {
		m.dirty(t, gpa)
	}
	l, err := Load(m, c)
	if err != nil {
		t.Fatal(err)
	}
	return m, l
}

func (r *ram) dirty(t testing.TB, gpa uint64) {
	t.Helper()
	if _, err := r.WriteAt(bytes.Repeat([]byte{0xa5}, PageSize), int64(gpa)); err != nil {
		t.Fatal(err)
	}
}

func TestLoadCommon(t *testing.T) {
	for _, p := range []Protocol{ProtocolAuto, ProtocolPVH, ProtocolLinux64} {
		t.Run(p.String(), func(t *testing.T) {
			c := config(t, bzWithGzip(t))
			c.Protocol = p
			m, l := load(t, c)
			if l.Version != synthVersion {
				t.Errorf("version %q", l.Version)
			}
			if want := (boot.Range{Start: synthPref, Size: synthInit}); l.Kernel != want {
				t.Errorf("kernel at %#x, want %#x", l.Kernel, want)
			}
			// 6000 bytes at the top of RAM, on a page.
			if want := (boot.Range{Start: 128<<20 - 2*PageSize, Size: 6000}); l.Initrd != want {
				t.Errorf("initrd at %#x, want %#x", l.Initrd, want)
			}
			if got := m.read(t, l.Initrd.Start, 6000); !bytes.Equal(got, bytes.Repeat([]byte("initrd"), 1000)) {
				t.Error("the initrd's content is wrong")
			}
			if got := string(m.read(t, CmdlineAddr, len(c.Cmdline)+1)); got != c.Cmdline+"\x00" {
				t.Errorf("command line %q", got)
			}
		})
	}
}

func TestLoadLinux64(t *testing.T) {
	kernel := bzWithGzip(t)
	c := config(t, kernel)
	c.Protocol = ProtocolLinux64
	m, l := load(t, c)
	if l.Protocol != ProtocolLinux64 || l.Extracted != payload.Unknown {
		t.Errorf("protocol %v, extracted %v", l.Protocol, l.Extracted)
	}
	if got := m.read(t, synthPref, len(kernel)-synthSetup); !bytes.Equal(got, kernel[synthSetup:]) {
		t.Error("the kernel's code is not at its preferred address")
	}
	if l.Entry.RIP != synthPref+0x200 || l.Entry.RSI != ZeroPageAddr || l.Entry.RBX != 0 {
		t.Errorf("RIP %#x RSI %#x RBX %#x", l.Entry.RIP, l.Entry.RSI, l.Entry.RBX)
	}
}

func TestZeroPage(t *testing.T) {
	kernel := bzWithGzip(t)
	c := config(t, kernel)
	c.Protocol = ProtocolLinux64
	m, l := load(t, c)
	z := m.read(t, ZeroPageAddr, PageSize)
	// The header is the kernel's own where the loader has nothing to say.
	for _, r := range [][2]int{{offSetupSects, offTypeOfLoader}, {offLoadflags, offRamdiskImage}, {offHeapEnd, offCmdLinePtr}, {offInitrdMax, 0x26c}} {
		if !bytes.Equal(z[r[0]:r[1]], kernel[r[0]:r[1]]) {
			t.Errorf("bytes %#x to %#x differ from the kernel's header", r[0], r[1])
		}
	}
	if z[offTypeOfLoader] != 0xff {
		t.Errorf("type_of_loader %#x", z[offTypeOfLoader])
	}
	for name, f := range map[string][2]uint64{
		"ramdisk_image": {uint64(le.Uint32(z[offRamdiskImage:])), l.Initrd.Start},
		"ramdisk_size":  {uint64(le.Uint32(z[offRamdiskSize:])), l.Initrd.Size},
		"cmd_line_ptr":  {uint64(le.Uint32(z[offCmdLinePtr:])), CmdlineAddr},
		"acpi_rsdp":     {le.Uint64(z[0x70:]), rsdp},
		"e820_entries":  {uint64(z[0x1e8]), uint64(len(c.Layout.Map()))},
	} {
		if f[0] != f[1] {
			t.Errorf("%s is %#x, want %#x", name, f[0], f[1])
		}
	}
	for i, e := range c.Layout.Map() {
		p := z[0x2d0+20*i:]
		if got := (E820Entry{boot.Range{Start: le.Uint64(p), Size: le.Uint64(p[8:])}, E820Type(le.Uint32(p[16:]))}); got != e {
			t.Errorf("e820 entry %d is %#x, want %#x", i, got, e)
		}
	}
	rest := z[0x2d0+20*len(c.Layout.Map()):]
	if !bytes.Equal(rest, make([]byte, len(rest))) || !bytes.Equal(z[:0x70], make([]byte, 0x70)) {
		t.Error("fields nobody set are not zero")
	}
}

// TestHeaderEnd: what lies behind the header in the file is code, not boot_params.
func TestHeaderEnd(t *testing.T) {
	for _, jump := range []byte{0, 0x10, 0x6a, 0x8e, 0xff} {
		kernel := bzWithGzip(t)
		for i := 0x26c; i < 0x300; i++ {
			kernel[i] = 0xcc
		}
		kernel[offJump] = jump
		c := config(t, kernel)
		c.Protocol = ProtocolLinux64
		m, _ := load(t, c)
		end := min(0x202+uint64(jump), 0x290)
		if end < 0x26c {
			end = 0x26c
		}
		z := m.read(t, ZeroPageAddr+end, int(0x2d0-end))
		if !bytes.Equal(z, make([]byte, len(z))) {
			t.Errorf("jump %#x: bytes behind the header were copied", jump)
		}
	}
}

func TestIdentityMap(t *testing.T) {
	c := config(t, bzWithGzip(t))
	c.Protocol = ProtocolLinux64
	m, l := load(t, c)
	const levels, present, large = 4, 1, 1 << 7
	for _, va := range []uint64{0, 0x1fffff, 0x200000, synthPref, 0x3fffffff, 0x40000000, HoleAddr, 0xffffffff} {
		table := l.Entry.CR3
		for level := levels - 1; ; level-- {
			e := le.Uint64(m.read(t, table+(va>>(12+9*level)&511)*8, 8))
			if e&present == 0 || e&pteWrite == 0 {
				t.Fatalf("%#x: level %d is %#x", va, level, e)
			}
			if level == 1 {
				if e&large == 0 || e&^0x1fffff+va&0x1fffff != va {
					t.Errorf("%#x is mapped by %#x", va, e)
				}
				break
			}
			table = e &^ 0xfff
		}
	}
	pml4 := m.read(t, l.Entry.CR3, PageSize)
	if !bytes.Equal(pml4[8:], make([]byte, PageSize-8)) {
		t.Error("more than the first 512 GiB have a page table")
	}
	pdpt := m.read(t, l.Entry.CR3+PageSize, PageSize)
	if !bytes.Equal(pdpt[32:], make([]byte, PageSize-32)) {
		t.Error("more than 4 GiB are mapped")
	}
}

func TestLoadPVH(t *testing.T) {
	for name, kernel := range map[string][]byte{"bzImage": bzWithGzip(t), "vmlinux": vmlinux64(), "vmlinux.gz": gzipped(t, vmlinux64())} {
		t.Run(name, func(t *testing.T) {
			c := config(t, kernel)
			m, l := load(t, c)
			if l.Protocol != ProtocolPVH || l.Entry.RIP != synthEntry || l.Entry.RBX != StartInfoAddr {
				t.Errorf("protocol %v RIP %#x RBX %#x", l.Protocol, l.Entry.RIP, l.Entry.RBX)
			}
			if want := map[string]payload.Format{"bzImage": payload.Gzip}[name]; l.Extracted != want {
				t.Errorf("extracted %v, want %v", l.Extracted, want)
			}
			if !bytes.Equal(m.read(t, synthText, len(text())), text()) {
				t.Error("text is wrong")
			}
			want := append(data(), make([]byte, 0x5000-len(data()))...)
			if !bytes.Equal(m.read(t, synthData, 0x5000), want) {
				t.Error("data is wrong or bss is not zero")
			}
			if got := m.read(t, synthData+0x5000, 1); got[0] != 0xa5 {
				t.Error("memory behind bss was written")
			}
			if got := m.read(t, synthText+uint64(len(text())), 1); got[0] != 0xa5 {
				t.Error("memory behind text was written")
			}
		})
	}
}

func TestStartInfo(t *testing.T) {
	c := config(t, vmlinux64())
	m, l := load(t, c)
	s := m.read(t, StartInfoAddr, 56)
	module, memmap := le.Uint64(s[16:]), le.Uint64(s[40:])
	for name, f := range map[string][2]uint64{
		"magic":          {uint64(le.Uint32(s)), 0x336ec578},
		"version":        {uint64(le.Uint32(s[4:])), 1},
		"flags":          {uint64(le.Uint32(s[8:])), 0},
		"nr_modules":     {uint64(le.Uint32(s[12:])), 1},
		"cmdline_paddr":  {le.Uint64(s[24:]), CmdlineAddr},
		"rsdp_paddr":     {le.Uint64(s[32:]), rsdp},
		"memmap_entries": {uint64(le.Uint32(s[48:])), uint64(len(c.Layout.Map()))},
		"module start":   {le.Uint64(m.read(t, module, 8)), l.Initrd.Start},
		"module size":    {le.Uint64(m.read(t, module+8, 8)), l.Initrd.Size},
	} {
		if f[0] != f[1] {
			t.Errorf("%s is %#x, want %#x", name, f[0], f[1])
		}
	}
	for i, e := range c.Layout.Map() {
		p := m.read(t, memmap+uint64(24*i), 24)
		if got := (E820Entry{boot.Range{Start: le.Uint64(p), Size: le.Uint64(p[8:])}, E820Type(le.Uint32(p[16:]))}); got != e {
			t.Errorf("memmap entry %d is %#x, want %#x", i, got, e)
		}
	}
}

func TestNoInitrd(t *testing.T) {
	c := config(t, bzWithGzip(t))
	c.Initrd = nil
	m, l := load(t, c)
	if n := le.Uint32(m.read(t, StartInfoAddr+12, 4)); n != 0 || !l.Initrd.Empty() {
		t.Errorf("%d modules, initrd %#x", n, l.Initrd)
	}
	c.Protocol = ProtocolLinux64
	m, l = load(t, c)
	if n := le.Uint64(m.read(t, ZeroPageAddr+offRamdiskImage, 8)); n != 0 || !l.Initrd.Empty() {
		t.Errorf("ramdisk %#x, initrd %#x", n, l.Initrd)
	}
}

// TestZeroedRAM: memory that is promised to be zero is not made resident.
func TestZeroedRAM(t *testing.T) {
	c := config(t, vmlinux64())
	c.ZeroedRAM = true
	m := newRAM(c.Layout)
	if _, err := Load(m, c); err != nil {
		t.Fatal(err)
	}
	if m.pages[(synthData+0x4000)/PageSize] != nil {
		t.Error("bss was written")
	}
}

// TestAutoFallsBack: what the host cannot or should not do is the guest's.
func TestAutoFallsBack(t *testing.T) {
	noPVH := elfFile(segment{kind: ptLoad, paddr: synthText, data: text()})
	for name, inside := range map[string][]byte{
		"no PVH note": gzipped(t, noPVH), "lzo": []byte("\x89LZO\x00\r\n\x1a\nrest"),
		"xz": []byte("\xfd7zXZ\x00rest of it"), "unknown": []byte("????????????"), "nothing": nil,
	} {
		c := config(t, bzImage(inside))
		if _, l := load(t, c); l.Protocol != ProtocolLinux64 {
			t.Errorf("%s: auto took %v", name, l.Protocol)
		}
		c.Protocol = ProtocolPVH
		_, err := Load(newRAM(c.Layout), c)
		if name == "xz" {
			wantError(t, err, boot.ErrCorrupt, "xz")
		} else {
			wantError(t, err, boot.ErrUnsupported, "")
		}
	}
}

// wantError checks the kind, that text is named, and that it is one sentence
// with a remedy.
func wantError(t *testing.T, err, kind error, text string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
		return
	}
	msg := err.Error()
	if !strings.Contains(msg, text) || strings.Contains(msg, "\n") || !strings.Contains(msg, ";") {
		t.Errorf("message %q: want one sentence with %q and a remedy", msg, text)
	}
}
