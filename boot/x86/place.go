package x86

import (
	"fmt"
	"math"

	"linuxkvm/boot"
)

// placement is where the parts of a boot go.
type placement struct {
	// kernel covers the image and what it needs to start.
	kernel boot.Range
	// initrd is empty without one.
	initrd boot.Range
}

// runRoom is added to what is suggested to a user whose guest has too little
// memory: a kernel that just fits does not reach userspace.
const runRoom = 32 << 20

func pageUp(n uint64) uint64   { return (n + PageSize - 1) &^ (PageSize - 1) }
func pageDown(n uint64) uint64 { return n &^ (PageSize - 1) }

// place checks that the kernel fits and puts the initrd as high as it may lie:
// page-aligned, in RAM below 3 GiB, its last byte at most at limit. High is
// where neither a decompressing kernel nor its first allocations are.
func place(l Layout, kernel boot.Range, initrd boot.Image, limit uint64) (*placement, error) {
	p := &placement{kernel: kernel}
	size, err := initrdSize(initrd)
	if err != nil {
		return nil, err
	}
	if !l.Contains(kernel) {
		return nil, tooSmall(l, kernel, size, "the kernel")
	}
	if size == 0 {
		return p, nil
	}
	floor := pageUp(kernel.End())
	if start, ok := fit(size, floor, l.Low().End(), limit); ok {
		p.initrd = boot.Range{Start: start, Size: size}
		return p, nil
	}
	if _, ok := fit(size, floor, HoleAddr, limit); ok {
		return nil, tooSmall(l, kernel, size, "the kernel with its initrd")
	}
	return nil, &boot.FormatError{Kind: boot.ErrInitrd, Remedy: "make the initrd smaller",
		What: fmt.Sprintf("the initrd has %s and the kernel reaches only %s for it (from %#x to %#x)",
			boot.Bytes(size), boot.Bytes(pageDown(min(limit, HoleAddr)-min(floor, limit, HoleAddr))), floor, min(limit, HoleAddr))}
}

// fit returns the highest page-aligned start, from floor on, of size bytes that
// end at most at ramEnd and whose last byte is at most at limit.
func fit(size, floor, ramEnd, limit uint64) (start uint64, ok bool) {
	top := ramEnd
	if limit < top {
		top = limit + 1
	}
	if size > top {
		return 0, false
	}
	start = pageDown(top - size)
	return start, start >= floor
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
		return 0, &boot.FormatError{Kind: boot.ErrInitrd, What: fmt.Sprintf("the initrd has %s and 4 GiB is the most a kernel can take", boot.Bytes(uint64(size))),
			Remedy: "use a disk image"}
	}
	return uint64(size), nil
}

// tooSmall suggests a size; a kernel that lies where no RAM can be gets another error.
func tooSmall(l Layout, kernel boot.Range, initrd uint64, what string) error {
	if kernel.Start < HighAddr || kernel.End() > HoleAddr {
		return &boot.FormatError{Kind: boot.ErrUnsupported, Remedy: "build it for another physical address",
			What: fmt.Sprintf("the kernel occupies guest-physical %#x to %#x and may lie only between %#x and %#x",
				kernel.Start, kernel.End(), uint64(HighAddr), uint64(HoleAddr))}
	}
	return &boot.TooSmallError{Need: pageUp(kernel.End()) + pageUp(initrd) + runRoom, Have: l.Size(), For: what}
}
