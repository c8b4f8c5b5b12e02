package flat

import (
	"fmt"
	"math"

	"linuxkvm/boot"
	"linuxkvm/boot/fdt"
)

// PageSize is the alignment of an initrd and of guest memory, in bytes: the
// largest page that a kernel of these architectures may use.
const PageSize = 64 << 10

// block is what kernel and devicetree are aligned to.
const block = 2 << 20

// runRoom is added to what is suggested to a user whose guest has too little
// memory: a kernel that just fits does not reach userspace.
const runRoom = 32 << 20

// placement is where the parts of a boot go, in guest-physical addresses.
type placement struct {
	kernel boot.Range // all that the kernel needs to start
	fdt    boot.Range // room for the devicetree
	initrd boot.Range // empty without one
}

func up(n, align uint64) uint64   { return (n + align - 1) &^ (align - 1) }
func down(n, align uint64) uint64 { return n &^ (align - 1) }

// place puts the kernel at the start of RAM, since some cannot use what lies
// below them; the devicetree into the 2 MiB behind it, near enough for the oldest
// kernels; and the initrd as high as reach allows.
func place(ram boot.Range, h Header, initrd boot.Image, reach func(kernel boot.Range) uint64) (*placement, error) {
	size, err := initrdSize(initrd)
	if err != nil {
		return nil, err
	}
	p := &placement{kernel: boot.Range{Start: up(ram.Start, block) + h.TextOffset, Size: h.Size}}
	p.fdt = boot.Range{Start: up(p.kernel.End(), block), Size: fdt.MaxSize}
	floor := p.fdt.End()
	top := min(ram.End(), reach(p.kernel))
	need := floor - ram.Start + up(size, PageSize)
	switch {
	case ram.End() < floor:
		return nil, &boot.TooSmallError{Need: need + runRoom, Have: ram.Size, For: "the kernel"}
	case size == 0:
		return p, nil
	case size <= top-floor && down(top-size, PageSize) >= floor:
		p.initrd = boot.Range{Start: down(top-size, PageSize), Size: size}
		return p, nil
	case need > ram.Size:
		return nil, &boot.TooSmallError{Need: need + runRoom, Have: ram.Size, For: "the kernel with its initrd"}
	}
	return nil, &boot.FormatError{Kind: boot.ErrInitrd, Remedy: "make the initrd smaller",
		What: fmt.Sprintf("the initrd has %s and the kernel reaches only %s for it (from %#x to %#x)",
			boot.Bytes(size), boot.Bytes(top-floor), floor, top)}
}

// initrdSize returns 0 where there is no initrd.
func initrdSize(initrd boot.Image) (uint64, error) {
	if initrd == nil {
		return 0, nil
	}
	size := initrd.Size()
	if size <= 0 {
		return 0, &boot.FormatError{Kind: boot.ErrInitrd, What: "the initrd is empty", Remedy: "pass one with content or none"}
	}
	if size > math.MaxUint32 {
		return 0, &boot.FormatError{Kind: boot.ErrInitrd, Remedy: "use a disk image",
			What: fmt.Sprintf("the initrd has %s and 4 GiB is the most a kernel can take", boot.Bytes(uint64(size)))}
	}
	return uint64(size), nil
}
