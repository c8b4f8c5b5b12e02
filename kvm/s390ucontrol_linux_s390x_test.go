package kvm

import (
	"testing"

	"linuxkvm/internal/sys"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// fakeUControl is a user-controlled VM with a vCPU that KVM knows nothing of, and
// a region with the offset of its first whole segment.
func fakeUControl(t *testing.T) (*VM, *VCPU, *memory.Region, uint64) {
	t.Helper()
	vm := fakeVM(t)
	vm.machineType = uapi.VMS390UControl
	r, err := memory.New(4 * segment)
	must(t, err)
	off := -uint64(r.Addr()) % segment
	t.Cleanup(func() {
		vm.Close()
		must(t, r.Close())
	})
	return vm, fakeVCPUOf(t, vm), r, off
}

// What the kernel was asked to map stays mapped until it has given up the VM,
// also when it said no: how far it got is not known.
func TestS390UCASMapKeepsMemory(t *testing.T) {
	vm, v, r, off := fakeUControl(t)
	reached(t, v.S390UCASMap(UCASMapping{Region: r, Offset: off, Addr: segment, Size: segment}))
	wantError(t, r.Close(), ErrInUse)
	v.Close()
	wantError(t, v.S390UCASMap(UCASMapping{Region: r, Offset: off, Addr: segment, Size: segment}), ErrClosed)
	wantError(t, v.S390UCASUnmap(0, segment), ErrClosed)
	wantError(t, r.Close(), ErrInUse)
	vm.Close()
	must(t, r.Close())
}

func TestS390UCASArguments(t *testing.T) {
	vm, v, r, off := fakeUControl(t)
	for word, m := range map[string]UCASMapping{
		"no Region":     {Size: segment},
		"want a mul":    {Region: r, Offset: off + 4096, Size: segment},
		"0x0 bytes":     {Region: r, Offset: off},
		"at 0x1000":     {Region: r, Offset: off, Addr: 0x1000, Size: segment},
		"0x1000 bytes":  {Region: r, Offset: off, Size: 0x1000},
		"outside":       {Region: r, Offset: off, Size: 8 * segment},
		"0xfffffffffff": {Region: r, Offset: off, Size: 2 * segment, Addr: 1<<64 - segment},
		"are outside":   {Region: r, Offset: 1 << 60, Size: segment},
	} {
		refused(t, v.S390UCASMap(m), word)
	}
	must(t, r.Close()) // nothing of that is held
	refused(t, v.S390UCASUnmap(1, segment), "0x1")
	refused(t, v.S390UCASUnmap(0, 0), "0x0")
	reached(t, v.S390UCASUnmap(0, segment))
	wantError(t, v.S390UCASMap(UCASMapping{Region: r, Offset: off, Size: segment}), ErrClosed)
	vm.machineType = 0
	refused(t, v.S390UCASMap(UCASMapping{Region: r, Offset: off, Size: segment}), "CreateUControlVM")
	refused(t, v.S390UCASUnmap(0, segment), "CreateUControlVM")
	_, err := v.S390SIEBlock()
	refused(t, err, "CreateUControlVM")
}

// A mapping goes when all its segments have: unmapped or replaced.
func TestUCASBookkeeping(t *testing.T) {
	var a vmArch
	region := func() (*memory.Region, *memory.Pin) {
		r, err := memory.New(sys.PageSize())
		must(t, err)
		t.Cleanup(func() { must(t, r.Close()) })
		pin, err := r.Pin()
		must(t, err)
		return r, pin
	}
	one, pinOne := region()
	two, pinTwo := region()
	a.hold(0, 0, 4, pinOne)
	a.hold(0, 3, 2, pinTwo) // takes the last segment of one
	a.letGo(0, 0, 2)
	a.letGo(1, 0, 1<<40) // another vCPU's
	wantError(t, one.Close(), ErrInUse)
	a.letGo(0, 2, 1)
	must(t, one.Close())
	a.letGo(0, 4, 1<<60)
	wantError(t, two.Close(), ErrInUse)
	a.release()
	must(t, two.Close())
	if len(a.segments)+len(a.kept) != 0 {
		t.Errorf("left: %+v", a)
	}
}

// On a user-controlled VM, an absolute address is one of this process.
func TestS390UControlRefusesAbsoluteAddresses(t *testing.T) {
	vm, v, _, _ := fakeUControl(t)
	b := make([]byte, 8)
	var a S390MemAccess
	for name, call := range map[string]func() error{
		"read":    func() error { return vm.S390MemOpAbsoluteRead(0, b, a) },
		"write":   func() error { return vm.S390MemOpAbsoluteWrite(0, b, a) },
		"cmpxchg": func() error { _, err := vm.S390MemOpAbsoluteCmpxchg(0, b, b, a); return err },
		"logical": func() error { return v.S390MemOpLogicalWrite(0, b, a) },
		"keys":    func() error { _, err := vm.S390SKEYs(0, b); return err },
		"setkeys": func() error { return vm.S390SetSKEYs(0, b) },
		"keyop":   func() error { _, err := vm.S390KeyopISKE(0); return err },
		"cmma":    func() error { _, err := vm.S390CMMABits(0, 1); return err },
		"setcmma": func() error { return vm.S390SetCMMABits(0, 1, b) },
		"zpci":    func() error { return vm.S390ZPCIOp(&uapi.S390ZPCIOp{}) },
		"status":  func() error { return v.S390StoreStatus(0) },
	} {
		t.Run(name, func(t *testing.T) { refused(t, call(), "user-controlled") })
	}
}

// A block on memory of the test's own, instead of KVM's.
func TestSIEBlockAccess(t *testing.T) {
	vm := fakeVM(t)
	page := sys.PageSize()
	fd, err := sys.NewMemFD("sie", int64(2*page))
	must(t, err)
	w, err := newWindow(vm, fd, int64(page), uint64(page))
	must(t, err)
	b := &SIEBlock{window: w, vcpu: fakeVCPUOf(t, vm)}
	if n, err := b.WriteAt([]byte{1, 2, 3}, int64(page)-3); n != 3 || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	var got [3]byte
	if n, err := b.ReadAt(got[:], int64(page)-3); n != 3 || err != nil || got != [3]byte{1, 2, 3} {
		t.Errorf("read %d, %v, %v", n, got, err)
	}
	_, err = b.ReadAt(got[:], int64(page)-2)
	refused(t, err, "outside")
	b.Close()
	b.Close()
	_, err = b.WriteAt(got[:], 0)
	wantError(t, err, ErrClosed)
}
