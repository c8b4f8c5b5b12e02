package kvm

import (
	"sync"
	"sync/atomic"

	"linuxkvm/internal/sys"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// VM is one virtual machine: memory slots, vCPUs, and the devices inside the
// kernel. It is safe for concurrent use.
//
// Whatever is in its slots is kept mapped until the kernel has given up the VM:
// after Close of the VM and of each of its vCPUs and devices, in any order.
type VM struct {
	core     *vmCore
	mmapSize int // bytes a vCPU shares
}

// vmCore is the VM's descriptor and what outlives it.
type vmCore struct {
	fd fdOf[uapi.VMIoctl]
	*vmState
}

// vmState outlives the descriptor: kernel objects hold the VM, and the VM holds
// memory. It does not refer to the descriptor, which could otherwise never be
// closed by the garbage collector.
type vmState struct {
	// objects counts the kernel objects that keep the kernel's VM alive: the
	// VM's descriptor, each vCPU and each device.
	objects atomic.Int64

	mu    sync.Mutex
	slots map[uint32]*heldSlot

	held holdings
}

// heldSlot is what stands in a slot.
type heldSlot struct {
	pin  *memory.Pin
	size uint64 // bytes
}

func newVM(fd, mmapSize int) *VM {
	s := &vmState{slots: make(map[uint32]*heldSlot)}
	s.objects.Store(1)
	owner := fdOf[uapi.VMIoctl]{sys.NewFD(fd, func(fd int) {
		sys.CloseFD(fd)
		s.release()
	})}
	return &VM{core: &vmCore{fd: owner, vmState: s}, mmapSize: mmapSize}
}

// retain counts one more kernel object. It is called only while another one
// is known to be there.
func (c *vmState) retain() { c.objects.Add(1) }

// release is called when a kernel object of the VM is gone. After the last one
// the kernel has no more use for the memory.
func (c *vmState) release() {
	if c.objects.Add(-1) != 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for slot, held := range c.slots {
		held.pin.Release()
		delete(c.slots, slot)
	}
	c.held.releaseAll()
}

// Close closes the VM's descriptor. Its vCPUs and devices keep the kernel's VM,
// and the memory in its slots, until they are closed too. Closing again does
// nothing.
func (vm *VM) Close() error {
	vm.core.fd.Close()
	return nil
}

// CheckExtension asks what this VM offers of a capability, in the manner of
// [System.CheckExtension].
//
// ioctl: KVM_CHECK_EXTENSION (vm) · cap: KVM_CAP_CHECK_EXTENSION_VM · arch: all · since: Linux 3.14 · doc: virt/kvm/api.rst "KVM_CHECK_EXTENSION"
func (vm *VM) CheckExtension(c uapi.Cap) (int, error) {
	return ioctlBrief(vm.core.fd, uapi.IoctlVMCheckExtension, uintptr(c))
}

// require returns an UnsupportedError when the VM does not have a capability,
// and the error of asking when it could not be asked.
func (vm *VM) require(c uapi.Cap, minKernel string) error {
	n, err := vm.CheckExtension(c)
	if err != nil {
		return err
	}
	if n == 0 {
		return &UnsupportedError{Cap: c, MinKernel: minKernel}
	}
	return nil
}
