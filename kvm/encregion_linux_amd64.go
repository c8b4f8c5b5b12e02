package kvm

import (
	"fmt"

	"linuxkvm/uapi"
)

// encRegion is the key of a registered region among what a VM holds.
type encRegion uapi.EncRegion

// MemoryEncryptRegRegion tells KVM which memory an SEV guest may encrypt: the
// kernel keeps its pages where they are, since their content depends on that. The
// VM keeps it mapped until it is unregistered, or the VM and its vCPUs are closed.
//
// ioctl: KVM_MEMORY_ENCRYPT_REG_REGION (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/api.rst "KVM_MEMORY_ENCRYPT_REG_REGION"
func (vm *VM) MemoryEncryptRegRegion(r MemoryRange) error {
	const req = uapi.IoctlVMMemoryEncryptRegRegion
	addr, pin, err := r.pin(req, 1)
	if err != nil {
		return err
	}
	c := vm.c()
	if _, ok := c.fd.Acquire(); !ok {
		pin.Release()
		return opError(req, ErrClosed)
	}
	defer c.fd.Release()
	arg := uapi.EncRegion{Addr: addr, Size: r.Size}
	return c.held.join(encRegion(arg), holding{release: pin.Release}, func() error {
		return encRegionError(req, vmSet(vm, req, &arg))
	})
}

// MemoryEncryptUnregRegion undoes MemoryEncryptRegRegion with the same range.
//
// ioctl: KVM_MEMORY_ENCRYPT_UNREG_REGION (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/api.rst "KVM_MEMORY_ENCRYPT_UNREG_REGION"
func (vm *VM) MemoryEncryptUnregRegion(r MemoryRange) error {
	const req = uapi.IoctlVMMemoryEncryptUnregRegion
	addr, pin, err := r.pin(req, 1)
	if err != nil {
		return err
	}
	defer pin.Release()
	c := vm.c()
	if _, ok := c.fd.Acquire(); !ok {
		return opError(req, ErrClosed)
	}
	defer c.fd.Release()
	arg := uapi.EncRegion{Addr: addr, Size: r.Size}
	return c.held.leave(encRegion(arg), func() error {
		return encRegionError(req, vmSet(vm, req, &arg))
	})
}

func encRegionError(op fmt.Stringer, err error) error {
	return sevError(op, &uapi.SEVCmd{}, err)
}

// encContext is the key of the VM whose keys a VM has among what it holds.
type encContext struct{}

// CopyEncContextFrom makes the VM a mirror of src: it has the same key, so that it
// can run beside it in its memory. It comes before any vCPU and memory. The kernel
// keeps src, and the memory in its slots, for as long as it has the VM.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_VM_COPY_ENC_CONTEXT_FROM · arch: x86 · since: Linux 5.13 · doc: virt/kvm/api.rst "KVM_CAP_VM_COPY_ENC_CONTEXT_FROM"
func (vm *VM) CopyEncContextFrom(src *VM) error {
	err := vm.takeEncContext(uapi.CapVMCopyEncContextFrom, src)
	return explain(err, vm, uapi.CapVMCopyEncContextFrom, "5.13")
}

// MoveEncContextFrom moves an SEV guest from src, which cannot run any more, to the
// VM, which has as many vCPUs: as when the program that runs it is replaced. src
// and the memory registered with it are kept for as long as the kernel has the VM.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM · arch: x86 · since: Linux 5.16 · doc: virt/kvm/api.rst "KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM"
func (vm *VM) MoveEncContextFrom(src *VM) error {
	err := vm.takeEncContext(uapi.CapVMMoveEncContextFrom, src)
	return explain(err, vm, uapi.CapVMMoveEncContextFrom, "5.16")
}

func (vm *VM) takeEncContext(c uapi.Cap, src *VM) error {
	if src == nil || src == vm {
		return invalid("%v: want another VM", c)
	}
	return vm.keepSource(c, src, func(from int) error { return vm.EnableCap(c, uint64(from)) })
}

// keepSource issues a call that makes the kernel's VM keep that of src, whose
// descriptor the call gets.
func (vm *VM) keepSource(op fmt.Stringer, src *VM, call func(from int) error) error {
	if _, ok := vm.c().fd.Acquire(); !ok {
		return opError(op, ErrClosed)
	}
	defer vm.c().fd.Release()
	from, ok := src.c().fd.Acquire()
	if !ok {
		return opError(op, ErrClosed)
	}
	defer src.c().fd.Release()
	owner := src.c().vmState
	owner.retain()
	return vm.c().held.join(encContext{}, holding{release: owner.release}, func() error { return call(from) })
}
