package kvm

import (
	"math"
	"syscall"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// TCETable is a table of translation control entries: the IOMMU between a
// paravirtual guest's devices and its memory. KVM handles the guest's hypercalls
// that change it. It is safe for concurrent use, and keeps the kernel's VM until
// it is closed; KVM handles the bus until then.
type TCETable struct {
	window
	vm *VM // so that the VM is not closed by the garbage collector first
	n  uint64
}

// tceSize is the size of an entry in bytes, tcePageShift that of what it
// translates where nothing else is said.
const (
	tceSize      = 8
	tcePageShift = 12
)

// CreateSPAPRTCE makes a table for the logical bus liobn. It translates a window
// of windowSize bytes that starts at bus address 0, in pages of 4 KiB. EBUSY means
// that the bus has a table.
//
// ioctl: KVM_CREATE_SPAPR_TCE (vm) · cap: KVM_CAP_SPAPR_TCE · arch: ppc · since: Linux 3.1 · doc: virt/kvm/api.rst "KVM_CREATE_SPAPR_TCE"
func (vm *VM) CreateSPAPRTCE(liobn uint64, windowSize uint32) (*TCETable, error) {
	const req = uapi.IoctlVMCreateSPAPRTCE
	if windowSize == 0 || windowSize%(1<<tcePageShift) != 0 {
		return nil, invalid("%v: a window of %#x bytes: want a multiple of %#x, not 0", req, windowSize, 1<<tcePageShift)
	}
	t, err := newTCETable(vm, req, &uapi.CreateSPAPRTCE{Liobn: liobn, WindowSize: windowSize}, uint64(windowSize)>>tcePageShift)
	return t, explain(err, vm, uapi.CapSPAPRTCE, "3.1")
}

// CreateSPAPRTCE64 is CreateSPAPRTCE for windows of any size and place. Offset and
// Size of args are in pages of 1<<PageShift bytes, 12 to 34.
//
// ioctl: KVM_CREATE_SPAPR_TCE_64 (vm) · cap: KVM_CAP_SPAPR_TCE_64 · arch: ppc · since: Linux 4.6 · doc: virt/kvm/api.rst "KVM_CREATE_SPAPR_TCE_64"
func (vm *VM) CreateSPAPRTCE64(args *uapi.CreateSPAPRTCE64) (*TCETable, error) {
	const req = uapi.IoctlVMCreateSPAPRTCE64
	if args == nil {
		return nil, invalid("%v: nil arguments", req)
	}
	if err := checkTCEWindow(args); err != nil {
		return nil, err
	}
	copied := *args
	t, err := newTCETable(vm, req, &copied, copied.Size)
	return t, explain(err, vm, uapi.CapSPAPRTCE64, "4.6")
}

// checkTCEWindow also keeps the size of the mapping in range.
func checkTCEWindow(a *uapi.CreateSPAPRTCE64) error {
	const req = uapi.IoctlVMCreateSPAPRTCE64
	if a.PageShift < 12 || a.PageShift > 34 {
		return invalid("%v: pages of 1<<%d bytes: want a shift from 12 to 34", req, a.PageShift)
	}
	all := uint64(math.MaxUint64) >> a.PageShift
	if a.Size == 0 || a.Size > all || a.Offset > all-a.Size {
		return invalid("%v: %#x pages of 1<<%d bytes from page %#x on: want some, and that they end below 1<<64 bytes", req, a.Size, a.PageShift, a.Offset)
	}
	if a.Flags != 0 {
		return invalid("%v: flags %#x: there are none", req, a.Flags)
	}
	return nil
}

// newTCETable makes and maps a table of n entries.
func newTCETable[T any](vm *VM, req uapi.VMIoctl, args *T, n uint64) (*TCETable, error) {
	// Holding the VM's descriptor keeps the VM there until the table counts.
	if _, ok := vm.c().fd.Acquire(); !ok {
		return nil, opError(req, ErrClosed)
	}
	defer vm.c().fd.Release()
	fd, err := vmStatus(vm, req, args)
	if err != nil {
		return nil, err
	}
	page := uint64(sys.PageSize())
	w, err := newWindow(vm, fd, 0, (n*tceSize+page-1)/page*page)
	if err != nil {
		return nil, err
	}
	return &TCETable{window: w, vm: vm, n: n}, nil
}

// Len returns the number of entries: one for each page of the window.
func (t *TCETable) Len() uint64 { return t.n }

// TCE returns an entry, atomically. Its low two bits permit reading (1) and
// writing (2), the rest is the guest-physical address of a page.
func (t *TCETable) TCE(page uint64) (uint64, error) {
	var tce uint64
	err := t.entry(page, func(p tcePointer) { tce = p.load() })
	return tce, err
}

// SetTCE sets an entry, atomically. The guest's devices of the caller see it; what
// VFIO gave to real devices does not change.
func (t *TCETable) SetTCE(page, tce uint64) error {
	return t.entry(page, func(p tcePointer) { p.store(tce) })
}

func (t *TCETable) entry(page uint64, do func(tcePointer)) error {
	if page >= t.n {
		return invalid("TCE %d: the table has %d", page, t.n)
	}
	return t.access(int64(page)*tceSize, tceSize, func(b []byte) { do(newTCEPointer(b)) })
}

// SyscallConn gives access to the descriptor, for KVM's VFIO device.
func (t *TCETable) SyscallConn() (syscall.RawConn, error) { return rawConn{t.fd}, nil }

// VM returns the VM the table belongs to.
func (t *TCETable) VM() *VM { return t.vm }

// Close unmaps and closes the table, which ends its bus. Closing again does
// nothing.
func (t *TCETable) Close() error {
	t.fd.Close()
	return nil
}
