package machine

import (
	"linuxkvm/device"
	"linuxkvm/kvm"
)

// io answers a port access, one element after the other for a string instruction.
func (r *runner) io(x kvm.IOExit) {
	for i := range int(x.Count) {
		r.access(&r.m.board.ports, uint64(x.Port), x.Out, x.Access(i))
	}
}

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
