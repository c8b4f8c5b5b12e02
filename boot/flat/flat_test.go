package flat

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"linuxkvm/boot"
	"linuxkvm/boot/fdt"
	"linuxkvm/boot/internal/synth"
	"linuxkvm/boot/payload"
)

const (
	ramStart  = 1 << 30
	imageSize = 3<<20 + 4096
	content   = 1<<20 + 100
)

// plain takes every header as it stands.
func plain(b []byte) (Header, error) {
	return Header{TextOffset: binary.LittleEndian.Uint64(b[8:]), Size: binary.LittleEndian.Uint64(b[16:])}, nil
}

func arch() *Arch {
	return &Arch{Arch: boot.ARM64, Parse: plain, MaxCmdline: 100, Reach: func(boot.Range) uint64 { return math.MaxUint64 }}
}

func image() synth.Image {
	return synth.Image{Arch: boot.ARM64, ImageSize: imageSize, Content: content, PE: true}
}

func config(kernel []byte) Config {
	return Config{
		Kernel: bytes.NewReader(kernel), Initrd: bytes.NewReader(bytes.Repeat([]byte("initrd"), 1000)),
		Cmdline: "console=ttyAMA0 quiet", RAM: boot.Range{Start: ramStart, Size: 64 << 20},
		Tree: fdt.New(), Entropy: strings.NewReader(strings.Repeat("random!!", 5)),
	}
}

func TestLoadEveryWrapping(t *testing.T) {
	whole := image().Bytes()
	signed := append(bytes.Clone(whole), bytes.Repeat([]byte("signature"), 500_000)...)
	for name, c := range map[string]struct {
		kernel []byte
		from   payload.Format
	}{
		"open":                    {whole, payload.None},
		"with more than it needs": {signed, payload.None},
		"gzip":                    {synth.Gzip(t, whole), payload.Gzip},
		"zstd":                    {synth.Zstd(t, whole), payload.Zstd},
		"zboot gzip":              {synth.ZBoot(boot.ARM64, "gzip", synth.Gzip(t, whole)), payload.Gzip},
		"zboot zstd":              {synth.ZBoot(boot.ARM64, "zstd22", synth.Zstd(t, whole)), payload.Zstd},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(c.kernel)
			m := synth.NewRAM(cfg.RAM)
			l, err := arch().Load(m, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if want := (boot.Range{Start: ramStart, Size: imageSize}); l.Kernel != want || l.Compression != c.from {
				t.Errorf("kernel at %#x from %v, want %#x from %v", l.Kernel, l.Compression, want, c.from)
			}
			if got := m.Bytes(t, boot.Range{Start: l.Kernel.Start, Size: content}); !bytes.Equal(got, whole) {
				t.Error("the kernel in memory is not the one in the file")
			}
			if got := m.Bytes(t, l.Initrd); !bytes.Equal(got, bytes.Repeat([]byte("initrd"), 1000)) {
				t.Error("the initrd in memory is not the one in the file")
			}
			checkPlaces(t, cfg.RAM, l)
			checkTree(t, m.Bytes(t, l.FDT), l)
		})
	}
}

// checkPlaces wants three parts in RAM that share nothing, where the boot
// protocols allow them.
func checkPlaces(t *testing.T, ram boot.Range, l *Loaded) {
	t.Helper()
	parts := []boot.Range{l.Kernel, l.FDT, l.Initrd}
	for i, p := range parts {
		if !ram.Contains(p) {
			t.Errorf("part %d at %#x is outside of RAM %#x", i, p, ram)
		}
		for _, o := range parts[:i] {
			if p.Overlaps(o) {
				t.Errorf("%#x overlaps %#x", p, o)
			}
		}
	}
	if l.FDT.Start%(2<<20) != 0 || l.FDT.Size > 2<<20 || l.FDT.Start-l.Kernel.Start > 512<<20 && l.Kernel.Size < 256<<20 {
		t.Errorf("devicetree at %#x for a kernel at %#x", l.FDT, l.Kernel)
	}
}

// checkTree looks for the values that are chosen here among the bytes.
func checkTree(t *testing.T, tree []byte, l *Loaded) {
	t.Helper()
	for name, want := range map[string][]byte{
		"command line":    []byte("console=ttyAMA0 quiet\x00"),
		"random bytes":    []byte("random!!random!!random!!random!!"),
		"end of initrd":   binary.BigEndian.AppendUint64(nil, l.Initrd.End()),
		"start of initrd": binary.BigEndian.AppendUint64(nil, l.Initrd.Start),
		"memory":          binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, ramStart), 64<<20),
	} {
		if !bytes.Contains(tree, want) {
			t.Errorf("the devicetree has no %s", name)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	whole := image().Bytes()
	zboot := synth.ZBoot(boot.ARM64, "gzip", synth.Gzip(t, whole))
	short := image()
	short.ImageSize = 10
	big := image()
	big.ImageSize = 63 << 20
	vast := image()
	vast.ImageSize = 1 << 60
	for name, c := range map[string]struct {
		kernel []byte
		change func(*Config)
		want   error
		words  string
	}{
		"a truncated Image":            {kernel: whole[:content/2], want: boot.ErrTruncated, words: "ends after"},
		"a truncated gzip":             {kernel: synth.Gzip(t, whole)[:3000], want: boot.ErrTruncated},
		"a corrupt zstd":               {kernel: corrupted(synth.Zstd(t, whole)), want: boot.ErrCorrupt},
		"a truncated zboot":            {kernel: zboot[:5000], want: boot.ErrTruncated, words: "payload"},
		"a zboot with lzo":             {kernel: synth.ZBoot(boot.ARM64, "lzo", whole), want: boot.ErrUnsupported, words: "lzo"},
		"a compressed header only":     {kernel: synth.Gzip(t, whole[:60]), want: boot.ErrTruncated, words: "60 bytes"},
		"another architecture":         {kernel: synth.Image{Arch: boot.RISCV64, ImageSize: 1 << 20}.Bytes(), want: boot.ErrWrongArch, words: "riscv64"},
		"a size below its header":      {kernel: short.Bytes(), want: boot.ErrCorrupt, words: "10 bytes"},
		"a size beyond all measure":    {kernel: vast.Bytes(), want: boot.ErrCorrupt},
		"a kernel larger than RAM":     {kernel: big.Bytes(), want: boot.ErrTooSmall, words: "64 MiB"},
		"an initrd larger than RAM":    {kernel: whole, change: initrd(100 << 20), want: boot.ErrTooSmall, words: "initrd"},
		"an empty initrd":              {kernel: whole, change: initrd(0), want: boot.ErrInitrd, words: "empty"},
		"an initrd beyond 4 GiB":       {kernel: whole, change: initrd(5 << 30), want: boot.ErrInitrd, words: "disk"},
		"a command line with NUL":      {kernel: whole, change: func(c *Config) { c.Cmdline = "a\x00" }, want: boot.ErrCmdline},
		"a long command line":          {kernel: whole, change: func(c *Config) { c.Cmdline = strings.Repeat("x", 101) }, want: boot.ErrCmdline, words: "101"},
		"text":                         {kernel: []byte("#!/bin/sh\n"), want: boot.ErrNotKernel},
		"no entropy":                   {kernel: whole, change: func(c *Config) { c.Entropy = strings.NewReader("few") }, want: io.ErrUnexpectedEOF, words: "random"},
		"an ELF file":                  {kernel: elf(), want: boot.ErrUnsupported, words: "Image"},
		"an initrd out of the window":  {kernel: whole, want: boot.ErrInitrd, words: "reaches only", change: initrd(20 << 20)},
		"an initrd the size of a hole": {kernel: whole, want: boot.ErrTooSmall, change: initrd(59 << 20)},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(c.kernel)
			if c.change != nil {
				c.change(&cfg)
			}
			a := arch()
			if strings.Contains(name, "window") {
				a.Reach = func(boot.Range) uint64 { return ramStart + 16<<20 }
			}
			_, err := a.Load(synth.NewRAM(cfg.RAM), cfg)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v; want %v with %q", err, c.want, c.words)
			}
		})
	}
}

func corrupted(b []byte) []byte {
	b[len(b)/2] ^= 0xff
	return b
}

func elf() []byte {
	b := make([]byte, 4096)
	copy(b, "\x7fELF\x02\x01\x01")
	b[18] = 183
	return b
}

// zeros is an initrd of any size.
type zeros int64

func (z zeros) Size() int64 { return int64(z) }

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

func initrd(size int64) func(*Config) { return func(c *Config) { c.Initrd = zeros(size) } }

func TestTextOffsetIsKept(t *testing.T) {
	i := image()
	i.TextOffset = 0x80000
	cfg := config(i.Bytes())
	cfg.RAM.Start += 4096 // not aligned: the kernel is
	l, err := arch().Load(synth.NewRAM(cfg.RAM), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if want := uint64(ramStart + 2<<20 + 0x80000); l.Kernel.Start != want {
		t.Errorf("kernel at %#x, want %#x", l.Kernel.Start, want)
	}
	checkPlaces(t, cfg.RAM, l)
}

func TestLoadWithoutInitrd(t *testing.T) {
	cfg := config(image().Bytes())
	cfg.Initrd = nil
	m := synth.NewRAM(cfg.RAM)
	l, err := arch().Load(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !l.Initrd.Empty() || bytes.Contains(m.Bytes(t, l.FDT), []byte("initrd")) {
		t.Errorf("initrd at %#x where there is none", l.Initrd)
	}
}

// broken is memory that fails.
type broken struct{ *synth.RAM }

var errBroken = errors.New("broken memory")

func (b broken) WriteAt([]byte, int64) (int, error) { return 0, errBroken }

func TestErrorsOfMemoryComeThrough(t *testing.T) {
	cfg := config(image().Bytes())
	if _, err := arch().Load(broken{synth.NewRAM(cfg.RAM)}, cfg); !errors.Is(err, errBroken) {
		t.Errorf("%v, want %v", err, errBroken)
	}
}
