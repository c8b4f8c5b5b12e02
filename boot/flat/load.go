package flat

import (
	"errors"
	"fmt"
	"io"

	"linuxkvm/boot"
	"linuxkvm/boot/fdt"
	"linuxkvm/boot/payload"
)

// Arch is what an architecture says about its Images.
type Arch struct {
	// Arch is its name for kernels.
	Arch boot.Arch
	// Parse judges the first HeaderSize bytes of an Image.
	Parse func(head []byte) (Header, error)
	// MaxCmdline is the longest command line in bytes, without NUL.
	MaxCmdline uint32
	// Reach returns the first address behind what an initrd may occupy, for a
	// kernel that lies where the argument says.
	Reach func(kernel boot.Range) uint64
}

// Config says what to load.
type Config struct {
	Kernel  boot.Image
	Initrd  boot.Image
	Cmdline string
	// RAM is guest memory, guest-physical.
	RAM boot.Range
	// Tree describes the hardware. Load adds the memory and /chosen.
	Tree *fdt.Node
	// Entropy is where the guest's seeds come from.
	Entropy io.Reader
}

// Loaded says where everything is, in guest-physical addresses.
type Loaded struct {
	// Kernel is the memory that the kernel occupies when it starts; it is entered
	// at the first byte.
	Kernel boot.Range
	// Initrd and FDT are the initrd, empty without one, and the devicetree.
	Initrd, FDT boot.Range
	// Compression is what the kernel was decompressed from, payload.None if it
	// was not compressed.
	Compression payload.Format
}

// Load puts the kernel, the initrd and the devicetree into guest memory. RAM need
// not be zeros: the kernel clears what it counts on. Errors wrap the sentinels of
// package boot, or come from m or the images. After an error guest memory may be
// partly written.
func (a *Arch) Load(m boot.Memory, c Config) (*Loaded, error) {
	if c.RAM.Size == 0 || c.Tree == nil {
		return nil, errors.New("boot: the config has no layout or no devicetree")
	}
	if err := boot.CheckCmdline(c.Cmdline, a.MaxCmdline); err != nil {
		return nil, err
	}
	img, err := Open(c.Kernel, a.Arch, c.RAM.Size, a.Parse)
	if err != nil {
		return nil, err
	}
	l, err := a.load(m, &c, img)
	if closeErr := img.Close(); err == nil && closeErr != nil {
		err = img.readError(closeErr)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (a *Arch) load(m boot.Memory, c *Config, img *Image) (*Loaded, error) {
	p, err := place(c.RAM, img.Header, c.Initrd, a.Reach)
	if err != nil {
		return nil, err
	}
	tree, err := c.tree(p)
	if err != nil {
		return nil, err
	}
	if err := img.copyTo(m, p.kernel.Start); err != nil {
		return nil, err
	}
	if !p.initrd.Empty() {
		if err := boot.Load(m, p.initrd.Start, c.Initrd); err != nil {
			return nil, fmt.Errorf("load the initrd: %w", err)
		}
	}
	if err := boot.Write(m, p.fdt.Start, tree); err != nil {
		return nil, err
	}
	return &Loaded{Kernel: p.kernel, Initrd: p.initrd, Compression: img.Compression,
		FDT: boot.Range{Start: p.fdt.Start, Size: uint64(len(tree))}}, nil
}

// seedSize is the number of random bytes a kernel gets: what its generator asks
// for before it counts as initialized.
const seedSize = 32

// tree completes the devicetree and encodes it.
func (c *Config) tree(p *placement) ([]byte, error) {
	var seeds [8 + seedSize]byte
	if _, err := io.ReadFull(c.Entropy, seeds[:]); err != nil {
		return nil, fmt.Errorf("boot: random bytes for the guest: %w", err)
	}
	c.Tree.At("memory", c.RAM.Start).Text("device_type", "memory").Uint64("reg", c.RAM.Start, c.RAM.Size)
	chosen := c.Tree.Child("chosen")
	chosen.Text("bootargs", c.Cmdline)
	// The kernel overwrites both once it has read them.
	chosen.Set("kaslr-seed", seeds[:8])
	chosen.Set("rng-seed", seeds[8:])
	if !p.initrd.Empty() {
		chosen.Uint64("linux,initrd-start", p.initrd.Start)
		chosen.Uint64("linux,initrd-end", p.initrd.End())
	}
	return c.Tree.Encode()
}
