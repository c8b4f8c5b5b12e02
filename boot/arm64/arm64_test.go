package arm64

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
	return synth.Image{Arch: boot.ARM64, ImageSize: imageSize, Content: 10000, PE: true}
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
	b := Board{GICVersion: 3, ITS: true, UART: true, RTC: true}
	for i := range cpus {
		b.CPUs = append(b.CPUs, uint64(i))
	}
	for i := range VirtioMax {
		b.Virtio = append(b.Virtio, Virtio{Window: Layout{}.VirtioWindow(i), SPI: VirtioSPI + uint32(i)})
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
	if want := (Entry{PC: RAMAddr, X0: l.FDT.Start, PSTATE: 0x3c5}); l.Entry != want {
		t.Errorf("entry %#x, want %#x", l.Entry, want)
	}
	if !bytes.HasPrefix(m.Bytes(t, l.FDT), []byte{0xd0, 0x0d, 0xfe, 0xed}) || l.FDT.Start%8 != 0 {
		t.Errorf("no devicetree at %#x", l.FDT)
	}
}

// TestInitrdIsInTheKernelsWindow: with more than 32 GiB of RAM it may not be at
// the end.
func TestInitrdIsInTheKernelsWindow(t *testing.T) {
	c := config(t, image().Bytes())
	c.Layout = layout(t, 64<<10)
	l, err := Load(synth.NewRAM(c.Layout.RAM()), c)
	if err != nil {
		t.Fatal(err)
	}
	if end := uint64(RAMAddr&^(1<<30-1) + 32<<30); l.Initrd.End() > end || l.Initrd.Start < end-1<<20 {
		t.Errorf("initrd at %#x, want it below %#x", l.Initrd, end)
	}
}

func TestHeaderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*synth.Image)
		want   error
	}{
		"big-endian":     {func(i *synth.Image) { i.Flags = 1 }, boot.ErrUnsupported},
		"Linux 3.16":     {func(i *synth.Image) { i.ImageSize = 0 }, boot.ErrUnsupported},
		"far offset":     {func(i *synth.Image) { i.TextOffset = 2 << 20 }, boot.ErrCorrupt},
		"crooked offset": {func(i *synth.Image) { i.TextOffset = 4 }, boot.ErrCorrupt},
		"riscv":          {func(i *synth.Image) { i.Arch = boot.RISCV64 }, boot.ErrWrongArch},
	} {
		i := image()
		c.change(&i)
		cfg := config(t, i.Bytes())
		if _, err := Load(synth.NewRAM(cfg.Layout.RAM()), cfg); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestEveryPageSizeIsTaken: whether the processor has it is for the kernel to say.
func TestEveryPageSizeIsTaken(t *testing.T) {
	for flags := uint64(0); flags < 16; flags += 2 {
		i := image()
		i.Flags = flags
		cfg := config(t, i.Bytes())
		if _, err := Load(synth.NewRAM(cfg.Layout.RAM()), cfg); err != nil {
			t.Errorf("flags %#x: %v", flags, err)
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
		{Start: GICDistAddr, Size: 0x10000}, {Start: GICCPUAddr, Size: 0x2000}, {Start: GICITSAddr, Size: 0x20000},
		{Start: GICRedistAddr, Size: GICEnd - GICRedistAddr}, {Start: UARTAddr, Size: 0x1000}, {Start: RTCAddr, Size: 0x1000},
		{Start: VirtioAddr, Size: VirtioMax * VirtioStride}, layout(t, 64).RAM(),
	}
	for i, p := range places {
		for _, o := range places[:i] {
			if p.Overlaps(o) {
				t.Errorf("%#x overlaps %#x", p, o)
			}
		}
	}
	if GICRedistAddr+64*0x20000 > GICEnd {
		t.Error("no room for the redistributors of 64 vCPUs")
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
	two := full(2)
	two.GICVersion, two.ITS = 2, false
	for name, c := range map[string]struct {
		board Board
		want  []string
	}{
		"GICv3":   {full(8), []string{"arm,gic-v3-its", "cpu@7", "interrupts = <0x00 0x01 0x04>", "/serial@9000000"}},
		"GICv2":   {two, []string{"arm,cortex-a15-gic", "0x304"}},
		"minimal": {Board{CPUs: []uint64{0}, GICVersion: 3}, []string{"arm,psci-0.2", "bootargs = \"quiet\""}},
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
	paths, _ := filepath.Glob(filepath.Join(cache, "linuxkvm", "lanes", "arm64-*", "vmlinuz"))
	if len(paths) == 0 {
		t.Skip("no real kernel: go run ./internal/cmd/rig fetch -lane arm64-6.1 gets one")
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
	f.Add(synth.ZBoot(boot.ARM64, "gzip", synth.Gzip(f, whole)))
	f.Add(synth.ZBoot(boot.ARM64, "zstd22", synth.Zstd(f, whole)))
	f.Add(synth.ZBoot(boot.ARM64, "xz", []byte("\xfd7zXZ\x00")))
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
