package kvm

import "linuxkvm/uapi"

// IOExit is KVM_EXIT_IO: the guest executed an instruction for an I/O port.
type IOExit struct {
	Port  uint16 // the port's number
	Size  uint8  // bytes of one access: 1, 2 or 4
	Count uint32 // accesses; more than 1 for a repeated string instruction
	Out   bool   // the guest writes; otherwise it waits for Data to be filled

	data Data
}

// IO returns the details of KVM_EXIT_IO. Only x86 has it.
func (e Exit) IO() IOExit {
	page, ok := e.page(uapi.ExitIO)
	if !ok {
		return IOExit{}
	}
	d := *page.IO()
	x := IOExit{
		Port: d.Port, Size: d.Size, Count: d.Count, Out: d.Direction == uapi.ExitIOOut,
		data: e.data(d.DataOffset, uint64(d.Size)*uint64(d.Count)),
	}
	e.done()
	return x
}

// Data is what the guest writes, or the place for what it reads: Count times
// Size bytes, one access after the other.
func (x IOExit) Data() Data { return x.data }

// Access returns the bytes of access i, counted from 0. Beyond Count there are
// none.
func (x IOExit) Access(i int) Data {
	if i < 0 || uint64(i) >= uint64(x.Count) {
		return Data{}
	}
	return x.data.Part(i*int(x.Size), int(x.Size))
}

// MMIOExit is KVM_EXIT_MMIO: the guest accessed a guest-physical address that no
// memory slot covers.
type MMIOExit struct {
	GPA   uint64 // guest-physical address
	Write bool   // the guest writes; otherwise it waits for Data to be filled

	data Data
}

// MMIO returns the details of KVM_EXIT_MMIO. The access is done only when the
// next Run begins; until then the guest's registers are those from before.
func (e Exit) MMIO() MMIOExit {
	page, ok := e.page(uapi.ExitMMIO)
	if !ok {
		return MMIOExit{}
	}
	d := *page.MMIO()
	x := MMIOExit{GPA: d.PhysAddr, Write: d.IsWrite != 0, data: e.unionData(offsetMMIOData, len(d.Data), d.Len)}
	e.done()
	return x
}

// Data is what the guest writes, or the place for what it reads: 1 to 8 bytes.
func (x MMIOExit) Data() Data { return x.data }

// IOCSRExit is KVM_EXIT_LOONGARCH_IOCSR: the guest accessed a register in the
// I/O configuration space that KVM does not emulate.
type IOCSRExit struct {
	Addr  uint64 // the register
	Write bool   // the guest writes; otherwise it waits for Data to be filled

	data Data
}

// LoongarchIOCSR returns the details of KVM_EXIT_LOONGARCH_IOCSR.
func (e Exit) LoongarchIOCSR() IOCSRExit {
	page, ok := e.page(uapi.ExitLoongarchIOCSR)
	if !ok {
		return IOCSRExit{}
	}
	d := *page.IOCSRIO()
	x := IOCSRExit{Addr: d.PhysAddr, Write: d.IsWrite != 0, data: e.unionData(offsetIOCSRData, len(d.Data), d.Len)}
	e.done()
	return x
}

// Data is what the guest writes, or the place for what it reads: 1 to 8 bytes.
func (x IOCSRExit) Data() Data { return x.data }

// unionData returns n bytes of an array inside the union, or none when KVM's
// word for n is more than the array has. The caller has entered the vCPU.
func (e Exit) unionData(off uint64, size int, n uint32) Data {
	if uint64(n) > uint64(size) {
		return Data{}
	}
	return e.data(off, uint64(n))
}
