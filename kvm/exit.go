package kvm

import (
	"encoding/binary"

	"linuxkvm/uapi"
)

// Exit says why a Run returned. It is a small value that reads the vCPU's shared
// memory in place: its accessors (IO, MMIO, ...) give the details of the one
// reason they are named after, and a zero value for any other reason, after the
// next Run, and after Close.
type Exit struct {
	core   *vcpuCore
	seq    uint64
	reason uapi.ExitReason
	kicked bool
}

// Reason returns the reason. KVM may know reasons that this package does not:
// they are shown by [VCPU.RunState].
func (e Exit) Reason() uapi.ExitReason { return e.reason }

// Kicked reports whether this is the answer to a Kick.
func (e Exit) Kicked() bool { return e.kicked }

// interrupted reports an exit that is nobody's but the signal's.
func (e Exit) interrupted() bool {
	return e.core == nil || e.reason == uapi.ExitIntr && !e.kicked
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
	if e.core == nil {
		return nil, false
	}
	if _, ok := e.core.fd.Acquire(); !ok {
		return nil, false
	}
	if e.core.seq.Load() != e.seq {
		e.core.fd.Release()
		return nil, false
	}
	return e.core.page, true
}

func (e Exit) done() { e.core.fd.Release() }

// Data is the part of the run area where an exit's data are: what the guest
// wrote, or where the answer to its read goes. Like the Exit it is good until
// the next Run; later reads give zeros and writes do nothing.
type Data struct {
	exit Exit
	off  uint64
	n    uint64
}

// Len returns the number of bytes.
func (d Data) Len() int { return int(d.n) }

// CopyTo copies the data to p and returns how many bytes were copied.
func (d Data) CopyTo(p []byte) int {
	if _, ok := d.exit.enter(); !ok {
		return 0
	}
	defer d.exit.done()
	return copy(p, d.exit.core.area(d.off, d.n))
}

// CopyFrom copies p to the data and returns how many bytes were copied.
func (d Data) CopyFrom(p []byte) int {
	if _, ok := d.exit.enter(); !ok {
		return 0
	}
	defer d.exit.done()
	return copy(d.exit.core.area(d.off, d.n), p)
}

// Uint64 returns the first 8 bytes as a number in the guest's byte order as far
// as KVM has one (the host's); missing bytes are zero.
func (d Data) Uint64() uint64 {
	var b [8]byte
	n := d.CopyTo(b[:])
	return fromBytes(b, min(n, 8))
}

// SetUint64 stores the low bytes of v, as many as the data have.
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

func fromBytes(b [8]byte, n int) uint64 {
	v := binary.NativeEndian.Uint64(b[:])
	if bigEndian {
		return v >> (8 * (8 - n))
	}
	return v
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1
