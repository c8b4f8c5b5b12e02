package kvm

import (
	"io"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// HTAB is the stream that a guest's hashed page table is read from or written to.
// HPTChunks and AppendHPTChunk know its form. It is safe for concurrent use, and
// keeps the kernel's VM until it is closed.
type HTAB struct {
	fd      *sys.FD
	vm      *VM // so that the VM is not closed by the garbage collector first
	writing bool
}

// htabReadMin is the smallest buffer that KVM puts a chunk with one entry into:
// one that just holds it is too small.
const htabReadMin = hptHeaderSize + hpteSize + 1

// PPCAllocateHTAB gives the VM a hashed page table of 1<<order bytes, and empties
// the one it has when that is as large. order is 18 to 46. No vCPU may be in the
// guest: EBUSY. EOPNOTSUPP is the answer of a host that is a guest itself and has
// radix page tables only for its own (uapi.PPCNoHash in PPCSMMUInfo).
//
// ioctl: KVM_PPC_ALLOCATE_HTAB (vm) · cap: KVM_CAP_PPC_ALLOC_HTAB · arch: ppc · since: Linux 3.6 · doc: virt/kvm/api.rst "KVM_PPC_ALLOCATE_HTAB"
func (vm *VM) PPCAllocateHTAB(order uint32) error {
	if err := checkHPTOrder("KVM_PPC_ALLOCATE_HTAB", order); err != nil {
		return err
	}
	err := vmSet(vm, uapi.IoctlVMPPCAllocateHTAB, &order)
	return explain(err, vm, uapi.CapPPCAllocHTAB, "3.6")
}

func checkHPTOrder(op string, order uint32) error {
	if order < 18 || order > 46 {
		return invalid("%s: a table of 1<<%d bytes: want an order from 18 (256 KiB) to 46", op, order)
	}
	return nil
}

// PPCHTABFD opens the VM's hashed page table for reading, from the entry with the
// index start on, or for writing with uapi.GetHTABWrite in flags. With
// uapi.GetHTABBoltedOnly only bolted entries count as valid. A guest that uses
// radix page tables has no such table: reading ends at once, writing is EINVAL.
//
// ioctl: KVM_PPC_GET_HTAB_FD (vm) · cap: KVM_CAP_PPC_HTAB_FD · arch: ppc · since: Linux 3.8 · doc: virt/kvm/api.rst "KVM_PPC_GET_HTAB_FD"
func (vm *VM) PPCHTABFD(flags, start uint64) (*HTAB, error) {
	const req = uapi.IoctlVMPPCGetHTABFD
	if flags&^(uapi.GetHTABBoltedOnly|uapi.GetHTABWrite) != 0 {
		return nil, invalid("%v: flags %#x: want uapi.GetHTABBoltedOnly, GetHTABWrite or none", req, flags)
	}
	// Nothing of the table's size is known here, and KVM takes any index for
	// its own arithmetic: chunks cannot name one beyond 32 bits anyway.
	if start > 1<<32-1 {
		return nil, invalid("%v: entry %#x is beyond every table", req, start)
	}
	// Holding the VM's descriptor keeps the VM there until the stream counts.
	if _, ok := vm.c().fd.Acquire(); !ok {
		return nil, opError(req, ErrClosed)
	}
	defer vm.c().fd.Release()
	fd, err := vmStatus(vm, req, &uapi.GetHTABFD{Flags: flags, StartIndex: start})
	if err != nil {
		return nil, explain(err, vm, uapi.CapPPCHTABFD, "3.8")
	}
	owner := vm.c().vmState
	owner.retain()
	return &HTAB{vm: vm, writing: flags&uapi.GetHTABWrite != 0, fd: sys.NewFD(fd, func(fd int) {
		sys.CloseFD(fd)
		owner.release()
	})}, nil
}

// Read reads whole chunks into p, which must be larger than a chunk with one
// entry (24 bytes); the larger, the fewer calls. io.EOF means that a pass over
// the table is done: reading on gives the entries that have changed since.
func (h *HTAB) Read(p []byte) (int, error) {
	if h.writing {
		return 0, invalid("read of a hashed page table that was opened with uapi.GetHTABWrite: open another for reading")
	}
	if len(p) < htabReadMin {
		return 0, invalid("read of a hashed page table: %d bytes hold no entry, want at least %d", len(p), htabReadMin)
	}
	n, err := h.fd.Read(p)
	switch {
	case err != nil:
		return n, opError(opName("read of a hashed page table"), err)
	case n == 0:
		return 0, io.EOF
	default:
		return n, nil
	}
}

// Write puts the chunks in p into the table. p must end where a chunk ends. No
// vCPU may be in the guest: EBUSY. EINVAL also means an entry beyond the end of
// the table, or one that is not valid.
func (h *HTAB) Write(p []byte) (int, error) {
	if !h.writing {
		return 0, invalid("write to a hashed page table that was opened for reading: open it with uapi.GetHTABWrite")
	}
	if err := checkHPTStream(p); err != nil {
		return 0, err
	}
	n, err := h.fd.Write(p)
	if err != nil {
		return n, opError(opName("write to a hashed page table"), err)
	}
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// VM returns the VM whose table this is.
func (h *HTAB) VM() *VM { return h.vm }

// Close closes the stream. Closing again does nothing.
func (h *HTAB) Close() error {
	h.fd.Close()
	return nil
}
