package balloon

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"linuxkvm/memory"
	"linuxkvm/virtio"
)

// batch is how many page numbers are looked at together, however many a chain has.
const batch = 1024

// inflate releases the pages that a chain names.
func (d *Device) inflate(ctx context.Context, c *virtio.Chain) int {
	eachBatch(ctx, c, func(pages []uint32) {
		eachRun(pages, d.releaseRun)
	})
	return 0
}

// deflate counts the pages: the driver just uses them again.
func (d *Device) deflate(ctx context.Context, c *virtio.Chain) int {
	eachBatch(ctx, c, func(pages []uint32) { d.counters.deflated.Add(uint64(len(pages))) })
	return 0
}

// eachBatch calls f with the page numbers in a chain, as many as there are whole
// ones in memory.
func eachBatch(ctx context.Context, c *virtio.Chain, f func(pages []uint32)) {
	var raw [4 * batch]byte
	var pages [batch]uint32
	for ctx.Err() == nil {
		n, err := c.Readable.Read(raw[:])
		n /= 4
		for i := range n {
			pages[i] = binary.LittleEndian.Uint32(raw[4*i:])
		}
		f(pages[:n])
		if err != nil {
			return // the end of it, or not memory
		}
	}
}

// eachRun sorts pages and calls f for each run of them, once for those that occur
// twice.
func eachRun(pages []uint32, f func(first, n uint64)) {
	slices.Sort(pages)
	pages = slices.Compact(pages)
	for len(pages) > 0 {
		n := 1
		for n < len(pages) && pages[n] == pages[0]+uint32(n) {
			n++
		}
		f(uint64(pages[0]), uint64(n))
		pages = pages[n:]
	}
}

// releaseRun releases a run of pages. If a part of it is not RAM the rest is
// released all the same.
func (d *Device) releaseRun(first, n uint64) {
	gpa, size := d.inward(first*PageSize, n*PageSize)
	if size == 0 {
		return
	}
	step := d.cfg.hostPage
	err := d.cfg.Memory.Discard(gpa, size)
	if !errors.Is(err, memory.ErrRange) || size == step {
		d.count(gpa, size, err, &d.counters.inflated)
		return
	}
	for ; size > 0; gpa, size = gpa+step, size-step {
		d.count(gpa, step, d.cfg.Memory.Discard(gpa, step), &d.counters.inflated)
	}
}

// report releases the pages that a chain consists of: these are free, and the driver
// takes them into use only when it has the chain again. Unless they have to keep
// what stands in them.
func (d *Device) report(s *virtio.Session, c *virtio.Chain) int {
	if s.Features&featurePoison != 0 && d.poison.Load() != 0 {
		return 0
	}
	for gpa, n := range c.Writable.Segments() {
		if s.Context.Err() != nil {
			break
		}
		if gpa, n = d.inward(gpa, n); n != 0 {
			d.count(gpa, n, d.cfg.Memory.Discard(gpa, n), &d.counters.reported)
		}
	}
	return 0
}
