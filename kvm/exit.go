package kvm

import (
	"encoding/binary"

	"linuxkvm/uapi"
)

// Exit says why a Run returned. It is a small value that reads the vCPU's shared
// memory in place. For each reason of KVM there is a method of the reason's name:
// KVM_EXIT_MMIO has MMIO, KVM_EXIT_S390_TSCH has S390TSCH. It returns the details
// of that reason by value; where the caller owes KVM an answer, that value has
// methods that give it, to be called before the next Run. The method of another
// reason, and every method after the next Run or after Close, returns a zero
// value, and an answer given to one does nothing.
//
// None of this allocates. An Exit is for the goroutine that runs the vCPU.
type Exit struct {
	core   *vcpuCore
	seq    uint64
	reason uapi.ExitReason
	kicked bool
}

// Reason returns the reason. KVM may know reasons that this package does not:
// Raw shows their details.
func (e Exit) Reason() uapi.ExitReason { return e.reason }

// Kicked reports whether this is the answer to a Kick.
func (e Exit) Kicked() bool { return e.kicked }

// Raw returns a copy of the union in struct kvm_run that holds the details of
// the exit, whatever the reason. The words are in the host's byte order.
func (e Exit) Raw() [32]uint64 {
	page, ok := e.enter()
	if !ok {
		return [32]uint64{}
	}
	defer e.done()
	return page.Union
}

// Flags returns the flags of struct kvm_run: uapi.RunX86SMM, RunX86BusLock and
// RunX86GuestMode on x86, and KVM_DEBUG_ARCH_HSR_HIGH_VALID on arm64.
func (e Exit) Flags() uint16 {
	page, ok := e.enter()
	if !ok {
		return 0
	}
	defer e.done()
	return page.Flags
}

// interrupted reports an exit that is nobody's but the signal's.
func (e Exit) interrupted() bool {
	return e.core != nil && e.reason == uapi.ExitIntr && !e.kicked
}

// is reports whether e is the current exit and has the reason.
func (e Exit) is(want uapi.ExitReason) bool {
	_, ok := e.page(want)
	if ok {
		e.done()
	}
	return ok
}

// page enters the vCPU and returns its shared memory when e is the current exit
// with the given reason; the caller then calls done.
func (e Exit) page(want uapi.ExitReason) (page *uapi.Run, ok bool) {
	if e.reason != want {
		return nil, false
	}
	return e.enter()
}

func (e Exit) enter() (page *uapi.Run, ok bool) {
	if !e.core.enterAfter(e.seq) {
		return nil, false
	}
	return e.core.page, true
}

func (e Exit) done() { e.core.fd.Release() }

// enterAfter enters the vCPU when Run number seq is the last one.
func (c *vcpuCore) enterAfter(seq uint64) bool {
	if c == nil {
		return false
	}
	if _, ok := c.fd.Acquire(); !ok {
		return false
	}
	if c.seq.Load() != seq {
		c.fd.Release()
		return false
	}
	return true
}

// details copies the view of the union for a reason, so that what is checked is
// what is used. It is zero when e is not the current exit with that reason.
func details[T any](e Exit, want uapi.ExitReason, view func(*uapi.Run) *T) (d T, ok bool) {
	page, ok := e.page(want)
	if !ok {
		return d, false
	}
	defer e.done()
	return *view(page), true
}

// answer lets write change the view of the union for a reason, when e is the
// current exit with that reason.
func answer[T any](e Exit, want uapi.ExitReason, view func(*uapi.Run) *T, write func(*T)) {
	page, ok := e.page(want)
	if !ok {
		return
	}
	defer e.done()
	write(view(page))
}

// Data is the part of the run area where an exit's data are: what the guest
// wrote, or where the answer to its read goes. Like the Exit it is good until
// the next Run: from then on there is nothing to copy and nothing is stored.
type Data struct {
	core   *vcpuCore
	seq    uint64
	off, n uint32
}

// data returns n bytes at offset off of the run area, or no bytes when KVM's
// words for them are not inside it. The caller has entered the vCPU.
func (e Exit) data(off, n uint64) Data {
	size := uint64(len(e.core.area))
	if n > size || off > size-n {
		return Data{}
	}
	return Data{core: e.core, seq: e.seq, off: uint32(off), n: uint32(n)}
}

// bytes are the data in place. The caller has entered the vCPU.
func (d Data) bytes() []byte { return d.core.area[d.off : d.off+d.n] }

// Len returns the number of bytes.
func (d Data) Len() int { return int(d.n) }

// Part returns n of the bytes from byte i on: one access of a repeated one, for
// instance. Outside of the data there are none.
func (d Data) Part(i, n int) Data {
	if i < 0 || n < 0 || uint64(i) > uint64(d.n) || uint64(n) > uint64(d.n)-uint64(i) {
		return Data{}
	}
	d.off += uint32(i)
	d.n = uint32(n)
	return d
}

// CopyTo copies the data to p and returns how many bytes were copied.
func (d Data) CopyTo(p []byte) int {
	if !d.core.enterAfter(d.seq) {
		return 0
	}
	n := copy(p, d.bytes())
	d.core.fd.Release()
	return n
}

// CopyFrom copies p to the data and returns how many bytes were copied.
func (d Data) CopyFrom(p []byte) int {
	if !d.core.enterAfter(d.seq) {
		return 0
	}
	n := copy(d.bytes(), p)
	d.core.fd.Release()
	return n
}

// Uint64 returns the first 8 bytes as a number in the guest's byte order as far
// as KVM has one (the host's); missing bytes are zero.
func (d Data) Uint64() uint64 {
	if !d.core.enterAfter(d.seq) {
		return 0
	}
	v := toUint64(d.bytes())
	d.core.fd.Release()
	return v
}

// toUint64 reads up to 8 bytes; the common widths need no loop.
func toUint64(p []byte) uint64 {
	switch len(p) {
	case 0:
		return 0
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.NativeEndian.Uint16(p))
	case 4:
		return uint64(binary.NativeEndian.Uint32(p))
	case 3, 5, 6, 7:
		var b [8]byte
		copy(b[:], p)
		return fromBytes(b, len(p))
	default:
		return binary.NativeEndian.Uint64(p)
	}
}

// fromBytes is the number in the first n bytes.
func fromBytes(b [8]byte, n int) uint64 {
	v := binary.NativeEndian.Uint64(b[:])
	if bigEndian {
		return v >> (8 * (8 - n))
	}
	return v
}

// SetUint64 stores the low bytes of v, as many as the data have. What the data
// have beyond 8 bytes is left alone.
func (d Data) SetUint64(v uint64) {
	n := min(d.n, 8)
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], v)
	if bigEndian {
		d.CopyFrom(b[8-n:])
		return
	}
	d.CopyFrom(b[:n])
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1
