package riscv64

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"linuxkvm/boot"
	"linuxkvm/boot/internal/synth"
)

const imageSize = 1 << 20

func image() synth.Image {
	return synth.Image{Arch: boot.RISCV64, TextOffset: 2 << 20, ImageSize: imageSize, Content: 10000, PE: true}
}

func layout(t testing.TB, mib uint64) Layout {
	t.Helper()
	l, err := NewLayout(mib << 20)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func full(cpus int) Board {
	b := Board{CPUs: cpus, TimebaseFrequency: 10_000_000, UART: true, RTC: true,
		ISA: ISA{Extensions: []string{"i", "m", "zicbom", "c", "a", "sstc"}, MMU: 48, CBOM: 64}}
	for i := range VirtioMax {
		b.Virtio = append(b.Virtio, Virtio{Window: Layout{}.VirtioWindow(i), IRQ: VirtioIRQ + uint32(i)})
	}
	return b
}

func config(t testing.TB, kernel []byte) Config {
	return Config{Kernel: bytes.NewReader(kernel), Initrd: strings.NewReader("initrd"), Cmdline: "quiet",
		Layout: layout(t, 64), Board: full(2)}
}

func TestLoad(t *testing.T) {
	c := config(t, image().Bytes())
	m := synth.NewRAM(c.Layout.RAM())
	l, err := Load(m, c)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Entry{PC: RAMAddr + 2<<20, A1: l.FDT.Start}); l.Entry != want {
		t.Errorf("entry %#x, want %#x", l.Entry, want)
	}
	if !bytes.HasPrefix(m.Bytes(t, l.FDT), []byte{0xd0, 0x0d, 0xfe, 0xed}) || l.FDT.Start%8 != 0 {
		t.Errorf("no devicetree at %#x", l.FDT)
	}
}

// TestInitrdIsAtTheEnd of RAM, however much there is.
func TestInitrdIsAtTheEnd(t *testing.T) {
	c := config(t, image().Bytes())
	c.Layout = layout(t, 64<<10)
	l, err := Load(synth.NewRAM(c.Layout.RAM()), c)
	if err != nil {
		t.Fatal(err)
	}
	if end := c.Layout.RAM().End(); l.Initrd.End() > end || l.Initrd.Start < end-1<<20 {
		t.Errorf("initrd at %#x, want it below %#x", l.Initrd, end)
	}
}

func TestHeaderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*synth.Image)
		want   error
	}{
		"big-endian":     {func(i *synth.Image) { i.Flags = 1 }, boot.ErrUnsupported},
		"no size":        {func(i *synth.Image) { i.ImageSize = 0 }, boot.ErrCorrupt},
		"far offset":     {func(i *synth.Image) { i.TextOffset = 2 << 30 }, boot.ErrCorrupt},
		"crooked offset": {func(i *synth.Image) { i.TextOffset = 4096 }, boot.ErrCorrupt},
		"arm64":          {func(i *synth.Image) { i.Arch = boot.ARM64 }, boot.ErrWrongArch},
	} {
		i := image()
		c.change(&i)
		cfg := config(t, i.Bytes())
		if _, err := Load(synth.NewRAM(cfg.Layout.RAM()), cfg); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestHeaderVersions(t *testing.T) {
	for version, want := range map[uint32]error{0: nil, 2: nil, 9: nil, 1 << 16: boot.ErrUnsupported} {
		kernel := image().Bytes()
		kernel[32], kernel[33], kernel[34] = byte(version), byte(version>>8), byte(version>>16)
		cfg := config(t, kernel)
		if _, err := Load(synth.NewRAM(cfg.Layout.RAM()), cfg); !errors.Is(err, want) {
			t.Errorf("version %#x: %v, want %v", version, err, want)
		}
	}
}

func TestISAString(t *testing.T) {
	isa := ISA{Extensions: []string{"zicbom", "c", "sstc", "m", "v", "i", "a", "h", "d", "f"}}
	if got, want := isa.String(), "rv64imafdcvh_zicbom_sstc"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestHartIndexBits(t *testing.T) {
	for cpus, want := range map[int]uint32{1: 0, 2: 1, 3: 2, 4: 2, 5: 3, 8: 3} {
		if got := HartIndexBits(cpus); got != want {
			t.Errorf("%d vCPUs: %d bits, want %d", cpus, got, want)
		}
	}
}

func TestLayoutRefuses(t *testing.T) {
	for _, ram := range []uint64{0, 1 << 20, 64<<20 + 4096, 1 << 52} {
		if l, err := NewLayout(ram); err == nil {
			t.Errorf("%d bytes: %#x", ram, l)
		}
	}
}

func TestDevicesDoNotOverlap(t *testing.T) {
	places := []boot.Range{
		{Start: PLICAddr, Size: PLICSize}, {Start: UARTAddr, Size: UARTSize}, {Start: RTCAddr, Size: RTCSize}, {Start: IMSICAddr, Size: 64 * IMSICStride},
		{Start: VirtioAddr, Size: VirtioMax * VirtioStride}, layout(t, 64).RAM(),
	}
	for i, p := range places {
		for _, o := range places[:i] {
			if p.Overlaps(o) {
				t.Errorf("%#x overlaps %#x", p, o)
			}
		}
	}
	if APLICAddr != PLICAddr || APLICSize > PLICSize {
		t.Error("the APLIC is not where the PLIC would be")
	}
}

// TestTreeIsCleanForDTC has dtc read the tree: it warns of what is not as the
// specification or a bus binding wants it.
func TestTreeIsCleanForDTC(t *testing.T) {
	dtc, err := exec.LookPath("dtc")
	if err != nil {
		const remedy = "dtc is missing: apt-get install device-tree-compiler"
		if os.Getenv("KVM_TEST_REQUIRE") == "1" {
			t.Fatal(remedy)
		}
		t.Skip(remedy)
	}
	aia := full(8)
	aia.AIA = 255
	for name, c := range map[string]struct {
		board Board
		want  []string
	}{
		"PLIC":    {full(8), []string{"riscv,plic0", "cpu@7", "rv64imac_zicbom_sstc", "/soc/serial@10000000", "riscv,sv48", "cbom-block-size = <0x40>"}},
		"AIA":     {aia, []string{"riscv,imsics", "riscv,aplic", "interrupts = <0x01 0x04>", "riscv,hart-index-bits = <0x03>"}},
		"minimal": {Board{CPUs: 1, ISA: ISA{Extensions: []string{"i"}}}, []string{"rv64i\"", "bootargs = \"quiet\""}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, image().Bytes())
			cfg.Board = c.board
			m := synth.NewRAM(cfg.Layout.RAM())
			l, err := Load(m, cfg)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(dtc, "-I", "dtb", "-O", "dts", "-")
			cmd.Stdin = bytes.NewReader(m.Bytes(t, l.FDT))
			var source, warnings bytes.Buffer
			cmd.Stdout, cmd.Stderr = &source, &warnings
			if err := cmd.Run(); err != nil || warnings.Len() > 0 {
				t.Errorf("dtc: %v\n%s", err, &warnings)
			}
			for _, want := range c.want {
				if !strings.Contains(source.String(), want) {
					t.Errorf("no %s in\n%s", want, &source)
				}
			}
		})
	}
}

// TestRealKernels loads kernels that nobody here made: those that the test rig has
// fetched.
func TestRealKernels(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no cache directory: ", err)
	}
	paths, _ := filepath.Glob(filepath.Join(cache, "linuxkvm", "lanes", "riscv64-*", "vmlinuz"))
	if len(paths) == 0 {
		t.Skip("no real kernel: go run ./internal/cmd/rig fetch -lane riscv64-6.12 gets one")
	}
	for _, path := range paths {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, kernel := range map[string][]byte{"open": whole, "gzip": synth.Gzip(t, whole)} {
			t.Run(filepath.Base(filepath.Dir(path))+"/"+name, func(t *testing.T) {
				c := config(t, kernel)
				m := synth.NewRAM(c.Layout.RAM())
				l, err := Load(m, c)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("kernel %#x, devicetree %#x", l.Kernel, l.FDT)
				size := min(uint64(len(whole)), l.Kernel.Size)
				if !bytes.Equal(m.Bytes(t, boot.Range{Start: l.Kernel.Start, Size: size}), whole[:size]) {
					t.Error("the kernel in memory is not the one in the file")
				}
			})
		}
	}
}

func FuzzLoad(f *testing.F) {
	whole := image().Bytes()
	f.Add(whole)
	f.Add(whole[:100])
	f.Add(synth.Gzip(f, whole))
	f.Add(synth.Zstd(f, whole))
	f.Add(synth.ZBoot(boot.RISCV64, "gzip", synth.Gzip(f, whole)))
	f.Add(synth.ZBoot(boot.RISCV64, "zstd22", synth.Zstd(f, whole)))
	f.Add(synth.ZBoot(boot.RISCV64, "xz", []byte("\xfd7zXZ\x00")))
	kinds := []error{boot.ErrNotKernel, boot.ErrWrongArch, boot.ErrUnsupported, boot.ErrTruncated, boot.ErrCorrupt, boot.ErrTooSmall}
	f.Fuzz(func(t *testing.T, kernel []byte) {
		c := config(t, kernel)
		c.Initrd, c.Layout, c.Board.Virtio = nil, layout(t, 16), nil
		m := synth.NewRAM(c.Layout.RAM())
		m.Forget = true
		l, err := Load(m, c)
		if m.Written > c.Layout.Size() {
			t.Errorf("%d bytes written", m.Written)
		}
		if err == nil {
			if !c.Layout.RAM().Contains(l.Kernel) || l.Entry.PC != l.Kernel.Start || l.FDT.Overlaps(l.Kernel) {
				t.Errorf("kernel at %#x, entry %#x, devicetree at %#x", l.Kernel, l.Entry.PC, l.FDT)
			}
			return
		}
		if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), ";") {
			t.Errorf("not one sentence with a remedy: %q", err)
		}
		for _, k := range kinds {
			if errors.Is(err, k) {
				return
			}
		}
		t.Errorf("untyped error: %v", err)
	})
}
