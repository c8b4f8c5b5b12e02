package kvm

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// VM is one virtual machine: memory slots, vCPUs, and the devices inside the
// kernel. It is safe for concurrent use.
//
// Whatever is in its slots is kept mapped until the kernel has given up the VM:
// after Close of the VM and of each of its vCPUs, devices, descriptors of statistics
// and guest_memfds, in any order.
type VM struct {
	core        *vmCore
	mmapSize    int     // bytes a vCPU shares
	machineType uint64  // what the VM was made as
	system      *System // where it was made, nil for none; it may be closed
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
	// objects counts the kernel objects that the VM works through: the VM's
	// descriptor, each vCPU, each device and each descriptor of statistics.
	objects atomic.Int64
	// holders counts what keeps the kernel's VM: the objects, together as one,
	// and each guest_memfd and each mapping of one.
	holders atomic.Int64

	mu    sync.Mutex
	slots map[uint32]*heldSlot
	arch  vmArch // what else of this process the kernel has, under mu
	made  madeOf // which parts it has been given

	held holdings

	dirty     dirtyRings
	coalesced sync.Mutex // held by who takes from the ring of coalesced writes
}

// closedVM stands for the VM that a zero VM has not: a closed one.
var closedVM = &vmCore{vmState: new(vmState)}

func (vm *VM) c() *vmCore {
	if vm == nil || vm.core == nil {
		return closedVM
	}
	return vm.core
}

func newVM(fd, mmapSize int) *VM {
	s := &vmState{slots: make(map[uint32]*heldSlot)}
	s.objects.Store(1)
	s.holders.Store(1)
	owner := fdOf[uapi.VMIoctl]{sys.NewFD(fd, func(fd int) {
		sys.CloseFD(fd)
		s.release()
	})}
	return &VM{core: &vmCore{fd: owner, vmState: s}, mmapSize: mmapSize}
}

// retain counts one more kernel object. It is called only while another one
// is known to be there.
func (s *vmState) retain() { s.objects.Add(1) }

// release is called when a kernel object of the VM is gone. After the last one
// nothing can fill a slot any more, and the slots let go of their guest_memfds:
// those keep the kernel's VM, so that they could otherwise never be closed.
func (s *vmState) release() {
	if s.objects.Add(-1) != 0 {
		return
	}
	for _, held := range s.heldSlots() {
		held.releaseGuestMemfd()
	}
	s.releaseMemory()
}

// retainMemory counts a guest_memfd or a mapping of one, in the manner of retain.
func (s *vmState) retainMemory() { s.holders.Add(1) }

// releaseMemory is called when one of the holders is gone. After the last one
// the kernel has no more use for the memory.
func (s *vmState) releaseMemory() {
	if s.holders.Add(-1) != 0 {
		return
	}
	for _, held := range s.heldSlots() {
		held.release()
	}
	s.held.releaseAll()
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.slots)
	s.arch.release()
}

// heldSlots returns what stands in the slots. What it holds is let go of without the
// lock: that may be what destroys a mapping, and the end of one comes back here.
func (s *vmState) heldSlots() []*heldSlot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.slots))
}

// Close closes the VM's descriptor. Its vCPUs and devices keep the kernel's VM,
// and the memory in its slots, until they are closed too. Closing again does
// nothing.
func (vm *VM) Close() error {
	vm.c().fd.Close()
	return nil
}

// CheckExtension asks what this VM offers of a capability, in the manner of
// [System.CheckExtension].
//
// ioctl: KVM_CHECK_EXTENSION (vm) · cap: KVM_CAP_CHECK_EXTENSION_VM · arch: all · since: Linux 3.14 · doc: virt/kvm/api.rst "KVM_CHECK_EXTENSION"
func (vm *VM) CheckExtension(c uapi.Cap) (int, error) {
	return ioctlBrief(vm.c().fd, uapi.IoctlVMCheckExtension, uintptr(c))
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
