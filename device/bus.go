package device

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

var (
	// ErrOverlap is wrapped by Bus.Add when another device holds one of the
	// addresses.
	ErrOverlap = errors.New("address ranges overlap")
	// ErrRange is wrapped by Bus.Add for a range that is empty or reaches
	// beyond the last address.
	ErrRange = errors.New("bad address range")
)

// Bus routes accesses by address to devices. One Bus serves port I/O, another
// one memory-mapped I/O (addresses are then guest-physical). The zero value is
// an empty bus.
//
// Read, Write and Lookup take no lock and allocate nothing; Add may run at the
// same time, and an access sees the bus either before or after it. The bus does
// not serialise accesses: a device is called from several threads at once.
type Bus struct {
	mu     sync.Mutex // held by those who change the table
	table  atomic.Pointer[busTable]
	trace  atomic.Pointer[func(Unclaimed)]
	reads  atomic.Uint64
	writes atomic.Uint64
}

// Range is one device's place on a Bus.
type Range struct {
	Name  string // the name given to Add
	First uint64 // first address
	Last  uint64 // last address, inclusive
}

// String gives the range as "name at 0xfirst-0xlast".
func (r Range) String() string { return fmt.Sprintf("%s at %#x-%#x", r.Name, r.First, r.Last) }

// Unclaimed describes an access, or the part of one, that no device answered.
type Unclaimed struct {
	Addr  uint64 // address of the first byte
	Len   int    // bytes
	Write bool   // false: a read, which gave all ones
	Value uint64 // first 8 bytes written, little endian; all ones for a read
}

// Add puts dev at the size addresses from base on. The name appears in errors
// and in Ranges. It refuses a nil device and a range that is empty, that reaches
// beyond the last 64-bit address (ErrRange), or that overlaps another device's
// (ErrOverlap); a refused Add changes nothing.
func (b *Bus) Add(name string, base, size uint64, dev Device) error {
	if dev == nil {
		return fmt.Errorf("device: %q has no device to add at %#x", name, base)
	}
	if size == 0 {
		return fmt.Errorf("device: %q at %#x: %w: no addresses", name, base, ErrRange)
	}
	last := base + (size - 1)
	if last < base {
		return fmt.Errorf("device: %q at %#x: %w: %#x addresses reach beyond the last one", name, base, ErrRange, size)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := busEntry{Range{name, base, last}, dev}
	old := b.load()
	i := old.search(base)
	if i < len(old) && old[i].First <= last {
		return fmt.Errorf("device: %v and %v: %w", e.Range, old[i].Range, ErrOverlap)
	}
	table := slices.Insert(slices.Clone(old), i, e)
	b.table.Store(&table)
	return nil
}

// Lookup returns the device at addr and the offset of addr in it; ok is false
// where there is none.
func (b *Bus) Lookup(addr uint64) (dev Device, offset uint64, ok bool) {
	s := b.load().at(addr, 1)
	return s.dev, s.offset, s.dev != nil
}

// Read fills p from the addresses from addr on. An access that crosses the end
// of a device is divided: each device fills its own part. Bytes that no device
// answers read as 0xff and are counted; so do those beyond the last address,
// uncounted.
func (b *Bus) Read(addr uint64, p []byte) {
	table := b.load()
	if n := upTo(addr, math.MaxUint64, len(p)); n < len(p) {
		fillOnes(p[n:])
		p = p[:n]
	}
	for len(p) > 0 {
		s := table.at(addr, len(p))
		if s.dev != nil {
			s.dev.Read(s.offset, p[:s.n])
		} else {
			fillOnes(p[:s.n])
			b.reads.Add(1)
			b.report(addr, p[:s.n], false)
		}
		addr, p = addr+uint64(s.n), p[s.n:]
	}
}

// Write writes p to the addresses from addr on, divided as Read does. Bytes
// that no device takes are ignored and counted.
func (b *Bus) Write(addr uint64, p []byte) {
	table := b.load()
	p = p[:upTo(addr, math.MaxUint64, len(p))]
	for len(p) > 0 {
		s := table.at(addr, len(p))
		if s.dev != nil {
			s.dev.Write(s.offset, p[:s.n])
		} else {
			b.writes.Add(1)
			b.report(addr, p[:s.n], true)
		}
		addr, p = addr+uint64(s.n), p[s.n:]
	}
}

// OnUnclaimed has fn called for every access, or part of one, that no device
// answers; nil ends that. fn runs on the thread of the vCPU that made the
// access, from several at once.
func (b *Bus) OnUnclaimed(fn func(Unclaimed)) {
	if fn == nil {
		b.trace.Store(nil)
		return
	}
	b.trace.Store(&fn)
}

// UnclaimedCount returns how many reads and writes found no device. An access
// that is unclaimed in two separate parts counts twice.
func (b *Bus) UnclaimedCount() (reads, writes uint64) {
	return b.reads.Load(), b.writes.Load()
}

// Ranges returns what is on the bus, by ascending address.
func (b *Bus) Ranges() []Range {
	table := b.load()
	out := make([]Range, len(table))
	for i, e := range table {
		out[i] = e.Range
	}
	return out
}

func (b *Bus) load() busTable {
	if t := b.table.Load(); t != nil {
		return *t
	}
	return nil
}

func (b *Bus) report(addr uint64, p []byte, write bool) {
	fn := b.trace.Load()
	if fn == nil {
		return
	}
	u := Unclaimed{Addr: addr, Len: len(p), Write: write}
	for i := range min(len(p), 8) {
		u.Value |= uint64(p[i]) << (8 * i)
	}
	(*fn)(u)
}
