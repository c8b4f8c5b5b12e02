package machine

import (
	"linuxkvm/device"
	"linuxkvm/kvm"
)

// mmio answers an access to a guest-physical address without RAM.
func (r *runner) mmio(x kvm.MMIOExit) {
	r.access(&r.m.board.mmio, x.GPA, x.Write, x.Data())
}

// access passes one access to the device at addr.
func (r *runner) access(bus *device.Bus, addr uint64, write bool, data kvm.Data) {
	p := r.buf[:min(data.Len(), len(r.buf))]
	if write {
		data.CopyTo(p)
		bus.Write(addr, p)
		return
	}
	bus.Read(addr, p)
	data.CopyFrom(p)
}
