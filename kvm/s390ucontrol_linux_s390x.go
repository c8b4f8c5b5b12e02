package kvm

import (
	"fmt"
	"sync"

	"linuxkvm/internal/sys"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// segment is the unit that memory is given to user-controlled vCPUs in.
const segment = 1 << 20

// CreateUControlVM makes a user-controlled VM: each vCPU has an address space of
// its own, made by S390UCASMap, there are no slots, and almost every event of the
// guest is an exit. It needs CAP_SYS_ADMIN (EINVAL), and a kernel with
// CONFIG_KVM_S390_UCONTROL.
//
// Its VM-wide "absolute" addresses are not the guest's: calls that use them are
// refused.
//
// ioctl: KVM_CREATE_VM (system) · cap: KVM_CAP_S390_UCONTROL · arch: s390 · since: Linux 3.4 · doc: virt/kvm/api.rst "KVM_CREATE_VM"
func (s *System) CreateUControlVM() (*VM, error) {
	vm, err := s.CreateVMType(uapi.VMS390UControl)
	return vm, explain(err, s, uapi.CapS390UControl, "3.4")
}

func (vm *VM) uControl() bool { return vm.machineType&uapi.VMS390UControl != 0 }

// refuseUControl keeps calls from a user-controlled VM, of which newer kernels
// take the addresses for this process's own.
func (vm *VM) refuseUControl(op fmt.Stringer) error {
	if vm.uControl() {
		return invalid("%v: the VM is user-controlled, its addresses are not guest memory: access the Region of S390UCASMap", op)
	}
	return nil
}

func (vm *VM) requireUControl(op fmt.Stringer) error {
	if !vm.uControl() {
		return invalid("%v: the VM is not user-controlled: make it with CreateUControlVM", op)
	}
	return nil
}

// UCASMapping is memory of a user-controlled vCPU. All are multiples of 1 MiB,
// the host address of Offset in Region too.
type UCASMapping struct {
	Addr   uint64 // in the vCPU's address space
	Size   uint64 // bytes
	Region *memory.Region
	Offset uint64 // where in Region the mapping begins
}

// S390UCASMap puts memory into the address space of a user-controlled vCPU, in
// place of what was there. The VM keeps Region mapped, and Region refuses Close,
// until it is unmapped again or the VM and its vCPUs are closed.
//
// ioctl: KVM_S390_UCAS_MAP (vcpu) · cap: KVM_CAP_S390_UCONTROL · arch: s390 · since: Linux 3.4 · doc: virt/kvm/api.rst "KVM_S390_UCAS_MAP"
func (v *VCPU) S390UCASMap(m UCASMapping) error {
	const req = uapi.IoctlVCPUS390UCASMap
	if err := v.vm.requireUControl(req); err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return err
	}
	return v.ucas(req, func() error {
		pin, err := m.Region.Pin()
		if err != nil {
			return opError(req, err)
		}
		err = vcpuSet(v, req, &uapi.S390UCASMapping{
			UserAddr: uint64(m.Region.Addr()) + m.Offset, VCPUAddr: m.Addr, Length: m.Size,
		})
		if err != nil {
			// How far KVM got is not known.
			v.vm.c().withArch(func(a *vmArch) { a.keep(pin) })
			return err
		}
		v.vm.c().withArch(func(a *vmArch) { a.hold(v.id, m.Addr/segment, m.Size/segment, pin) })
		return nil
	})
}

func (m *UCASMapping) check() error {
	const op = "KVM_S390_UCAS_MAP"
	if m.Region == nil {
		return invalid("%s: no Region; to take memory away use S390UCASUnmap", op)
	}
	size := m.Region.Size()
	if m.Offset > size || m.Size > size-m.Offset {
		return invalid("%s: %#x bytes at offset %#x are outside of a region of %#x bytes", op, m.Size, m.Offset, size)
	}
	if host := uint64(m.Region.Addr()) + m.Offset; host%segment != 0 {
		up := (host+segment-1)/segment*segment - uint64(m.Region.Addr())
		return invalid("%s: offset %#x is at host address %#x: want a multiple of 1 MiB, such as offset %#x (make the region 1 MiB larger)", op, m.Offset, host, up)
	}
	return checkUCAS(op, m.Addr, m.Size)
}

func checkUCAS(op string, addr, size uint64) error {
	if size == 0 || (addr|size)%segment != 0 || addr+size < addr {
		return invalid("%s: %#x bytes at %#x: want multiples of 1 MiB, and some bytes", op, size, addr)
	}
	return nil
}

// S390UCASUnmap takes size bytes at addr out of the address space of a
// user-controlled vCPU.
//
// ioctl: KVM_S390_UCAS_UNMAP (vcpu) · cap: KVM_CAP_S390_UCONTROL · arch: s390 · since: Linux 3.4 · doc: virt/kvm/api.rst "KVM_S390_UCAS_UNMAP"
func (v *VCPU) S390UCASUnmap(addr, size uint64) error {
	const req = uapi.IoctlVCPUS390UCASUnmap
	if err := v.vm.requireUControl(req); err != nil {
		return err
	}
	if err := checkUCAS(req.String(), addr, size); err != nil {
		return err
	}
	return v.ucas(req, func() error {
		if err := vcpuSet(v, req, &uapi.S390UCASMapping{VCPUAddr: addr, Length: size}); err != nil {
			return err
		}
		v.vm.c().withArch(func(a *vmArch) { a.letGo(v.id, addr/segment, size/segment) })
		return nil
	})
}

// ucas calls do for one caller at a time, so that what is recorded is what KVM has,
// and before the VM can be gone. It can wait for the vCPU to come out of the
// guest, but for no other vCPU.
func (v *VCPU) ucas(op fmt.Stringer, do func() error) error {
	if _, ok := v.c().fd.Acquire(); !ok {
		return opError(op, ErrClosed)
	}
	defer v.c().fd.Release()
	var one *sync.Mutex
	v.vm.c().withArch(func(a *vmArch) { one = a.lock(v.id) })
	one.Lock()
	defer one.Unlock()
	return explain(do(), v.vm, uapi.CapS390UControl, "3.4")
}

// S390VCPUFault makes the page at an address of the vCPU's address space present,
// as an access of the guest does.
//
// ioctl: KVM_S390_VCPU_FAULT (vcpu) · cap: KVM_CAP_S390_UCONTROL · arch: s390 · since: Linux 3.4 · doc: virt/kvm/api.rst "KVM_S390_VCPU_FAULT"
func (v *VCPU) S390VCPUFault(addr uint64) error {
	_, err := vcpuNumber(v, uapi.IoctlVCPUS390VCPUFault, uintptr(addr))
	return explain(err, v.vm, uapi.CapS390UControl, "3.4")
}

// SIEBlock is the control block of a user-controlled vCPU, which the processor
// itself reads and writes: 4 KiB in the architecture's layout. It is safe for
// concurrent use, and keeps the kernel's vCPU until it is closed.
type SIEBlock struct {
	window
	vcpu *VCPU // so that the VM is not closed by the garbage collector first
}

// S390SIEBlock maps the control block of a vCPU. The VM must be user-controlled.
func (v *VCPU) S390SIEBlock() (*SIEBlock, error) {
	const op = opName("mmap of a SIE control block")
	if err := v.vm.requireUControl(op); err != nil {
		return nil, err
	}
	fd, ok := v.c().fd.Acquire()
	if !ok {
		return nil, opError(op, ErrClosed)
	}
	defer v.c().fd.Release()
	own, err := sys.DupFD(fd)
	if err != nil {
		return nil, opError(op, err)
	}
	page := sys.PageSize()
	w, err := newWindow(v.vm, own, int64(uapi.S390SIEPageOffset*page), uint64(page))
	if err != nil {
		return nil, err
	}
	return &SIEBlock{window: w, vcpu: v}, nil
}

// ReadAt copies from the block, where the processor may write meanwhile.
func (b *SIEBlock) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	err := b.access(off, len(p), func(block []byte) { n = copy(p, block) })
	return n, err
}

// WriteAt copies to the block. The vCPU must not be in the guest. The block has
// addresses of the host in it: a wrong one lets the guest reach the host.
func (b *SIEBlock) WriteAt(p []byte, off int64) (int, error) {
	n := 0
	err := b.access(off, len(p), func(block []byte) { n = copy(block, p) })
	return n, err
}

// VCPU returns the vCPU whose block this is.
func (b *SIEBlock) VCPU() *VCPU { return b.vcpu }

// Close unmaps the block. Closing again does nothing.
func (b *SIEBlock) Close() error {
	b.fd.Close()
	return nil
}
