package kvm

import (
	"math"
	"sync/atomic"
	"syscall"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// VCPU is one virtual processor.
//
// Its methods may be called from any goroutine, one Run or Loop at a time. The
// kernel serializes a vCPU's ioctls: while the vCPU is in the guest every other
// call on it waits for the next exit, apart from Kick, Close and the accessors
// that read memory only. Kick it first where that matters.
type VCPU struct {
	core *vcpuCore
	vm   *VM // so that the VM is not closed by the garbage collector first
	id   int
}

// vcpuCore is what outlives the handle.
type vcpuCore struct {
	fd   fdOf[uapi.VCPUIoctl] // owns the run area too
	run  *sys.Mapping
	page *uapi.Run  // the start of run
	area []byte     // all of run
	ring *dirtyRing // nil unless the VM has dirty rings

	// running is held by the one goroutine that is in Run or Loop.
	running atomic.Bool
	// seq counts Runs, so that an Exit knows that it is an old one.
	seq atomic.Uint64

	kick kickState
}

// closedVCPU stands for the vCPU that a zero VCPU has not: a closed one.
var closedVCPU = &vcpuCore{run: new(sys.Mapping), page: new(uapi.Run)}

func (v *VCPU) c() *vcpuCore {
	if v == nil || v.core == nil {
		return closedVCPU
	}
	return v.core
}

// CreateVCPU adds a vCPU to the VM and maps the memory it shares with KVM. Ids
// are unique in a VM and count from 0; on amd64 the id is the APIC id. The
// limits are capabilities: CapNrVCPUs is the recommended number of vCPUs,
// CapMaxVCPUs the largest, CapMaxVCPUID the largest id.
//
// A run area smaller than struct kvm_run is refused with ENOMEM.
//
// ioctl: KVM_CREATE_VCPU (vm) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_CREATE_VCPU"
func (vm *VM) CreateVCPU(id int) (*VCPU, error) {
	// Kernels before 6.10 take the low 32 bits of the id and ignore the rest.
	if id < 0 || id > math.MaxInt32 {
		return nil, invalid("KVM_CREATE_VCPU: id %d is outside of 0 to %d", id, math.MaxInt32)
	}
	if err := checkRunArea(vm.mmapSize); err != nil {
		return nil, err
	}
	c := vm.c()
	// Holding the VM's descriptor keeps the VM there until the vCPU counts.
	if _, ok := c.fd.Acquire(); !ok {
		return nil, opError(uapi.IoctlVMCreateVCPU, ErrClosed)
	}
	defer c.fd.Release()
	fd, err := ioctlNumber(c.fd, uapi.IoctlVMCreateVCPU, uintptr(id))
	if err != nil {
		return nil, err
	}
	run, err := sys.MapFile(fd, 0, uintptr(vm.mmapSize))
	if err != nil {
		sys.CloseFD(fd)
		return nil, opError(opName("mmap of a vCPU"), err)
	}
	ring, err := c.dirty.mapRing(c.vmState, fd)
	if err != nil {
		run.Destroy()
		sys.CloseFD(fd)
		return nil, opError(opName("mmap of a dirty ring"), err)
	}
	return newVCPU(vm, id, fd, run, ring), nil
}

func checkRunArea(size int) error {
	if size < sizeofRun {
		return &Error{Op: "KVM_GET_VCPU_MMAP_SIZE", Errno: syscall.ENOMEM}
	}
	return nil
}

func newVCPU(vm *VM, id, fd int, run *sys.Mapping, ring *dirtyRing) *VCPU {
	vm.c().retain()
	vm.c().made.addVCPU()
	c := &vcpuCore{run: run, page: runPage(run), area: run.Bytes(), ring: ring}
	owner := vm.c().vmState
	c.fd = fdOf[uapi.VCPUIoctl]{sys.NewFD(fd, func(fd int) {
		run.Destroy()
		ring.destroy()
		sys.CloseFD(fd)
		owner.release()
	})}
	return &VCPU{core: c, vm: vm, id: id}
}

// ID returns the id the vCPU was created with.
func (v *VCPU) ID() int { return v.id }

// VM returns the VM the vCPU belongs to.
func (v *VCPU) VM() *VM { return v.vm }

// Close closes the vCPU. A Run in progress is kicked out of the guest and
// returns ErrClosed; the vCPU's descriptor and run area are gone when the last
// call in progress has returned. Closing again does nothing.
func (v *VCPU) Close() error {
	c := v.c()
	// Being inside keeps the run area mapped for the wake-up.
	if _, ok := c.fd.Acquire(); !ok {
		return nil
	}
	defer c.fd.Release()
	c.fd.Close()
	c.interrupt()
	c.kick.wake()
	return nil
}

// RunState returns the memory the vCPU shares with KVM, struct kvm_run, in
// place. It is for what has no typed accessor; to read an exit, use Exit.
//
// KVM reads and writes the struct during Run, so it is to be touched only
// between Runs and by the goroutine that runs the vCPU. It must not be used
// after Close: it then reads as zeros, and to keep that promise its address
// range stays reserved.
func (v *VCPU) RunState() (*uapi.Run, error) {
	if _, ok := v.c().fd.Acquire(); !ok {
		return nil, ErrClosed
	}
	defer v.c().fd.Release()
	v.c().run.Expose()
	return v.c().page, nil
}
