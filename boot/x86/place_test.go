package x86

import (
	"bytes"
	"errors"
	"testing"

	"linuxkvm/boot"
)

func TestLayout(t *testing.T) {
	const gib = 1 << 30
	cases := []struct{ ram, low, high uint64 }{
		{4 << 20, 4 << 20, 0}, {3 * gib, 3 * gib, 0}, {3*gib + PageSize, 3 * gib, PageSize},
		{4 * gib, 3 * gib, gib}, {64 * gib, 3 * gib, 61 * gib},
	}
	for _, c := range cases {
		l, err := NewLayout(c.ram)
		if err != nil {
			t.Fatal(err)
		}
		if l.Size() != c.ram || l.Low() != (boot.Range{Size: c.low}) || l.High() != (boot.Range{Start: 4 * gib, Size: c.high}) {
			t.Errorf("%#x bytes: low %#x high %#x", c.ram, l.Low(), l.High())
		}
		if want := 1 + min(1, int(c.high)); len(l.RAM()) != want {
			t.Errorf("%#x bytes: %d ranges, want %d", c.ram, len(l.RAM()), want)
		}
		checkMap(t, l)
	}
	for _, bad := range []uint64{0, 4<<20 - PageSize, 8<<20 + 1, 1<<45 + PageSize, ^uint64(0)} {
		if _, err := NewLayout(bad); err == nil {
			t.Errorf("%#x bytes of RAM passed", bad)
		}
	}
	_, err := NewLayout(1 << 20)
	var small *boot.TooSmallError
	if !errors.As(err, &small) || small.Need != 4<<20 || small.Have != 1<<20 {
		t.Errorf("1 MiB: %v", err)
	}
}

// checkMap: ascending, without overlap; usable memory is RAM that exists and
// holds no ACPI tables; RAM is usable but for the hole below 1 MiB.
func checkMap(t *testing.T, l Layout) {
	t.Helper()
	var usable, end uint64
	for _, e := range l.Map() {
		if e.Start < end || e.Empty() {
			t.Errorf("%#x bytes of RAM: entry %#x follows %#x", l.Size(), e, end)
		}
		end = e.End()
		if e.Type != E820RAM {
			continue
		}
		usable += e.Size
		if !l.Low().Contains(e.Range) && !l.High().Contains(e.Range) {
			t.Errorf("%#x bytes of RAM: entry %#x is not RAM", l.Size(), e)
		}
		if e.Overlaps(boot.Range{Start: ACPIAddr, Size: ACPIRoom}) {
			t.Errorf("%#x bytes of RAM: entry %#x covers the ACPI tables", l.Size(), e)
		}
	}
	if want := l.Size() - (HighAddr - EBDAAddr); usable != want {
		t.Errorf("%#x bytes of RAM: %#x usable, want %#x", l.Size(), usable, want)
	}
}

// TestBootDataApart: what the loader puts below 640 KiB does not overlap.
func TestBootDataApart(t *testing.T) {
	areas := []boot.Range{
		{Start: GDTAddr, Size: gdtSize}, {Start: StackTop &^ (PageSize - 1), Size: PageSize}, {Start: StartInfoAddr, Size: PageSize},
		{Start: ZeroPageAddr, Size: PageSize}, {Start: PageTableAddr, Size: 6 * PageSize}, {Start: CmdlineAddr, Size: CmdlineRoom},
	}
	for i, a := range areas {
		if !(boot.Range{Start: PageSize, Size: EBDAAddr - PageSize}).Contains(a) {
			t.Errorf("%#x is not in low memory", a)
		}
		for _, b := range areas[:i] {
			if a.Overlaps(b) {
				t.Errorf("%#x overlaps %#x", a, b)
			}
		}
	}
	if memmapAddr+7*memmapSize > StartInfoAddr+PageSize {
		t.Error("the memory map leaves its page")
	}
}

func TestHoleApart(t *testing.T) {
	last := Layout{}.VirtioWindow(VirtioMax - 1)
	if first := (Layout{}).VirtioWindow(0); first.Start != VirtioAddr || first.Size != VirtioSize {
		t.Errorf("first window %#x", first)
	}
	areas := []boot.Range{
		{Start: VirtioAddr, Size: last.End() - VirtioAddr}, {Start: PCIConfigAddr, Size: PCIConfigSize}, {Start: IOAPICAddr, Size: PageSize},
		{Start: LAPICAddr, Size: PageSize}, {Start: IdentityMapAddr, Size: PageSize}, {Start: TSSAddr, Size: 3 * PageSize},
	}
	for i, a := range areas {
		if !(boot.Range{Start: HoleAddr, Size: HoleEnd - HoleAddr}).Contains(a) {
			t.Errorf("%#x is not in the hole", a)
		}
		for _, b := range areas[:i] {
			if a.Overlaps(b) {
				t.Errorf("%#x overlaps %#x", a, b)
			}
		}
	}
}

// sized is an initrd of any size without content.
type sized struct{ n int64 }

func (s sized) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }
func (s sized) Size() int64                           { return s.n }

func TestPlace(t *testing.T) {
	const mib = 1 << 20
	kernel := boot.Range{Start: 16 * mib, Size: 20*mib - 5}
	cases := []struct {
		name  string
		ram   uint64 // in MiB
		size  int64
		limit uint64
		want  uint64 // of the initrd; 0 is an error
		kind  error
	}{
		{"at the top", 64, 100, HoleAddr - 1, 64*mib - PageSize, nil},
		{"whole pages", 64, PageSize, HoleAddr - 1, 64*mib - PageSize, nil},
		{"just fits", 64, 28 * mib, HoleAddr - 1, 36 * mib, nil},
		{"one byte too many", 64, 28*mib + 1, HoleAddr - 1, 0, boot.ErrTooSmall},
		{"below the limit", 64, PageSize, 40*mib - 1, 40*mib - PageSize, nil},
		{"below an odd limit", 64, PageSize, 40 * mib, 40*mib - PageSize, nil},
		{"just below the limit", 64, 4 * mib, 40*mib - 1, 36 * mib, nil},
		{"over the limit", 64, 4*mib + 1, 40*mib - 1, 0, boot.ErrInitrd},
		{"limit below the kernel", 64, 1, 16 * mib, 0, boot.ErrInitrd},
		{"limit 0", 64, 1, 0, 0, boot.ErrInitrd},
		{"not above 3 GiB", 8192, PageSize, 0xffffffff, HoleAddr - PageSize, nil},
		{"more than low memory", 8192, 3 << 30, 0xffffffff, 0, boot.ErrInitrd},
		{"as much as low memory", 8192, HoleAddr - 36*mib, 0xffffffff, 36 * mib, nil},
		{"4 GiB", 8192, 4 << 30, 0xffffffff, 0, boot.ErrInitrd},
		{"huge", 8192, 1<<63 - 1, 0xffffffff, 0, boot.ErrInitrd},
		{"empty", 64, 0, HoleAddr - 1, 0, boot.ErrInitrd},
		{"negative", 64, -1, HoleAddr - 1, 0, boot.ErrInitrd},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := place(layout(t, c.ram), kernel, sized{c.size}, c.limit)
			if c.kind != nil {
				wantError(t, err, c.kind, "")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := (boot.Range{Start: c.want, Size: uint64(c.size)}); p.initrd != want {
				t.Errorf("initrd at %#x, want %#x", p.initrd, want)
			}
		})
	}
}

// TestTooSmall: a guest of the size that the error asks for is large enough.
func TestTooSmall(t *testing.T) {
	for _, p := range []Protocol{ProtocolPVH, ProtocolLinux64} {
		for _, initrd := range []boot.Image{nil, sized{6 << 20}} {
			c := config(t, bzWithGzip(t))
			c.Layout, c.Protocol, c.Initrd = layout(t, 20-4), p, initrd
			_, err := Load(newRAM(c.Layout), c)
			wantError(t, err, boot.ErrTooSmall, "MiB")
			var small *boot.TooSmallError
			if !errors.As(err, &small) || small.Have != 16<<20 || small.Need < synthPref+synthInit {
				t.Fatalf("%v: %v", p, err)
			}
			c.Layout = layout(t, (small.Need+1<<20-1)>>20)
			if _, err := Load(newRAM(c.Layout), c); err != nil {
				t.Errorf("%v with %d bytes as asked for: %v", p, small.Need, err)
			}
		}
	}
}

func TestInitrdMax(t *testing.T) {
	kernel := bzWithGzip(t)
	le.PutUint32(kernel[offInitrdMax:], 0x37ffffff)
	c := config(t, kernel)
	c.Layout, c.Protocol = layout(t, 4096), ProtocolLinux64
	_, l := load(t, c)
	if l.Initrd.End() > 0x38000000 || l.Initrd.End() < 0x38000000-PageSize {
		t.Errorf("initrd at %#x; the kernel takes it up to 0x37ffffff", l.Initrd)
	}
}

func TestCmdlineLimits(t *testing.T) {
	kernel := bzWithGzip(t)
	le.PutUint32(kernel[offCmdlineSize:], 100)
	for _, p := range []Protocol{ProtocolPVH, ProtocolLinux64} {
		c := config(t, kernel)
		c.Protocol = p
		c.Cmdline = string(bytes.Repeat([]byte("x"), 100))
		load(t, c)
		c.Cmdline += "x"
		_, err := Load(newRAM(c.Layout), c)
		wantError(t, err, boot.ErrCmdline, "at most 100")
		c.Cmdline = "a\nb"
		_, err = Load(newRAM(c.Layout), c)
		wantError(t, err, boot.ErrCmdline, "forbidden")
	}
	// A kernel that takes more than there is room for.
	le.PutUint32(kernel[offCmdlineSize:], 0xffffffff)
	c := config(t, kernel)
	c.Cmdline = string(bytes.Repeat([]byte("x"), CmdlineRoom-1))
	load(t, c)
	c.Cmdline += "x"
	_, err := Load(newRAM(c.Layout), c)
	wantError(t, err, boot.ErrCmdline, "65535")
}

func TestConfigErrors(t *testing.T) {
	if _, err := Load(newRAM(Layout{}), Config{Kernel: image(vmlinux64())}); err == nil {
		t.Error("no layout passed")
	}
	c := config(t, vmlinux64())
	c.Protocol = ProtocolLinux64
	_, err := Load(newRAM(c.Layout), c)
	wantError(t, err, boot.ErrUnsupported, "Linux64")
	_, err = Load(newRAM(c.Layout), config(t, gzipped(t, bzWithGzip(t))))
	wantError(t, err, boot.ErrUnsupported, "compressed with gzip")
	c.Kernel = nil
	_, err = Load(newRAM(c.Layout), c)
	wantError(t, err, boot.ErrNotKernel, "no kernel image")
}

// TestMemoryErrors: guest memory that is smaller than the layout says.
func TestMemoryErrors(t *testing.T) {
	for _, p := range []Protocol{ProtocolPVH, ProtocolLinux64} {
		for _, mib := range []uint64{4, 17} {
			c := config(t, bzWithGzip(t))
			c.Protocol = p
			if _, err := Load(newRAM(layout(t, mib)), c); !errors.Is(err, errOutside) {
				t.Errorf("%v, %d MiB: %v", p, mib, err)
			}
		}
	}
}
