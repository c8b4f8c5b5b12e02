package kvm

import (
	"errors"
	"syscall"
	"testing"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

func TestCreateSPAPRTCE(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapSPAPRTCE, "")
	table, err := vm.CreateSPAPRTCE(0x80000001, 1<<20)
	must(t, err)
	made.note(t, table.fd)
	defer table.Close()
	if table.Len() != 256 || table.VM() != vm {
		t.Errorf("%d entries, want 256", table.Len())
	}
	must(t, table.SetTCE(255, 0x12345003))
	for page, want := range map[uint64]uint64{0: 0, 254: 0, 255: 0x12345003} {
		if got, err := table.TCE(page); got != want || err != nil {
			t.Errorf("TCE %d is %#x, %v; want %#x", page, got, err, want)
		}
	}
	_, err = vm.CreateSPAPRTCE(0x80000001, 1<<20)
	wantError(t, err, syscall.EBUSY)
	conn, err := table.SyscallConn()
	must(t, err)
	must(t, conn.Control(func(fd uintptr) {
		var st syscall.Stat_t
		must(t, syscall.Fstat(int(fd), &st))
	}))
	// The table outlives the VM's descriptor.
	vm.Close()
	if got, err := table.TCE(255); got != 0x12345003 || err != nil {
		t.Errorf("after Close of the VM: %#x, %v", got, err)
	}
	table.Close()
	table.Close()
	_, err = table.TCE(0)
	wantError(t, err, ErrClosed)
	wantError(t, conn.Control(func(uintptr) { t.Error("called") }), ErrClosed)
}

func TestCreateSPAPRTCE64(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapSPAPRTCE64, "")
	args := uapi.CreateSPAPRTCE64{Liobn: 0x80000002, PageShift: 16, Offset: 1 << 20, Size: 10000}
	table, err := vm.CreateSPAPRTCE64(&args)
	must(t, err)
	made.note(t, table.fd)
	defer table.Close()
	must(t, table.SetTCE(9999, 1))
	refused(t, table.SetTCE(10000, 1), "10000")
	_, err = table.TCE(1 << 63)
	refused(t, err, "10000")
}

// What the guest puts into the table by a hypercall is there, and the other way
// round.
func TestTCEOfGuest(t *testing.T) {
	vm, v, _ := newGuest(t,
		0x38600020, // li r3, 0x20: H_PUT_TCE
		0x3c808000, // lis r4, 0x8000
		0x60840001, // ori r4, r4, 1
		0x78840020, // clrldi r4, r4, 32: bus 0x80000001
		0x38a05000, // li r5, 0x5000: bus address
		0x3cc00001, // lis r6, 1
		0x60c60003, // ori r6, r6, 3: 0x10003
		0x44000022, // sc 1
		0x7c6a1b78, // mr r10, r3
		0x3860001c, // li r3, 0x1c: H_GET_TCE
		0x3c808000, // lis r4, 0x8000
		0x60840001, // ori r4, r4, 1
		0x78840020, // clrldi r4, r4, 32
		0x38a06000, // li r5, 0x6000
		0x44000022, // sc 1
		0x7c6b1b78, // mr r11, r3
		0x7c8c2378, // mr r12, r4
		0x386007f0, // li r3, guestDone
		0x44000022, // sc 1
	)
	needCap(t, vm, uapi.CapSPAPRTCE, "")
	table, err := vm.CreateSPAPRTCE(0x80000001, 1<<20)
	must(t, err)
	made.note(t, table.fd)
	defer table.Close()
	must(t, table.SetTCE(6, 0x7001))
	x := runToCall(t, v, guestDone)
	if x.Args[6] != 0 || x.Args[7] != 0 || x.Args[8] != 0x7001 {
		t.Errorf("the guest got %d, and %d with %#x; want success and 0x7001", x.Args[6], x.Args[7], x.Args[8])
	}
	if tce, err := table.TCE(5); tce != 0x10003 || err != nil {
		t.Errorf("the guest put %#x, %v; want 0x10003", tce, err)
	}
}

// A window on memory of the test's own, instead of KVM's.
func TestTCETableAccess(t *testing.T) {
	vm := fakeVM(t)
	fd, err := sys.NewMemFD("tce", int64(sys.PageSize()))
	must(t, err)
	w, err := newWindow(vm, fd, 0, uint64(sys.PageSize()))
	must(t, err)
	table := &TCETable{window: w, vm: vm, n: 3}
	must(t, table.SetTCE(2, 0x1122334455667788))
	if got, err := table.TCE(2); got != 0x1122334455667788 || err != nil {
		t.Errorf("%#x, %v", got, err)
	}
	if got := vm.core.objects.Load(); got != 2 {
		t.Errorf("%d objects keep the VM, want 2", got)
	}
	refused(t, table.SetTCE(3, 0), "3")
	refused(t, w.access(int64(sys.PageSize())-4, 8, func([]byte) { t.Error("called") }), "outside")
	refused(t, w.access(-1, 1, func([]byte) { t.Error("called") }), "outside")
	table.Close()
	wantError(t, table.SetTCE(0, 0), ErrClosed)
	if got := vm.core.objects.Load(); got != 1 {
		t.Errorf("%d objects keep the VM, want 1", got)
	}
}

func TestCreateSPAPRTCERefuses(t *testing.T) {
	vm := fakeVM(t)
	for _, size := range []uint32{0, 4095, 4097} {
		_, err := vm.CreateSPAPRTCE(1, size)
		refused(t, err, "0x1000")
	}
	_, err := vm.CreateSPAPRTCE(1, 4096)
	reached(t, err)
	_, err = vm.CreateSPAPRTCE64(nil)
	refused(t, err, "nil")
	for _, a := range []uapi.CreateSPAPRTCE64{
		{PageShift: 11, Size: 1},
		{PageShift: 35, Size: 1},
		{PageShift: 12},
		{PageShift: 12, Size: 1 << 52},
		{PageShift: 12, Size: 1, Offset: 1<<52 - 1},
		{PageShift: 12, Size: 1<<64 - 1, Offset: 2},
		{PageShift: 12, Size: 1, Flags: 1},
	} {
		_, err := vm.CreateSPAPRTCE64(&a)
		refused(t, err)
	}
	_, err = vm.CreateSPAPRTCE64(&uapi.CreateSPAPRTCE64{PageShift: 34, Size: 1})
	reached(t, err)
}

func TestPPCRTASDefineToken(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPPCRTAS, "")
	wantError(t, vm.PPCRTASDefineToken("no,such-service", 1), syscall.ENOENT)
	must(t, vm.PPCRTASDefineToken("ibm,set-xive", 0x2001))
	wantError(t, vm.PPCRTASDefineToken("ibm,get-xive", 0x2001), syscall.EEXIST)
	must(t, vm.PPCRTASDefineToken("ibm,set-xive", 0))
}

func TestRTASToken(t *testing.T) {
	args, err := rtasToken("ibm,int-on", 0x2003)
	must(t, err)
	if string(args.Name[:11]) != "ibm,int-on\x00" || args.Token != 0x2003 {
		t.Errorf("%q, token %#x", args.Name, args.Token)
	}
	for _, name := range []string{"", "a\x00b", string(make([]byte, 120))} {
		_, err := rtasToken(name, 1)
		refused(t, err, "119")
	}
}

// What current kernels do not have any more, and what only embedded ones had.
func TestPPCGone(t *testing.T) {
	vm := newTestVM(t)
	if _, err := vm.AllocateRMA(); !errors.Is(err, ErrNotSupported) {
		t.Errorf("AllocateRMA: %v", err)
	}
	v := newTestVCPU(t, vm)
	if err := v.DirtyTLB(NewDirtyBitmap(64)); !errors.Is(err, ErrNotSupported) {
		t.Errorf("DirtyTLB: %v", err)
	}
}

func TestDirtyTLBRefuses(t *testing.T) {
	v := fakeVCPUOf(t, fakeVM(t))
	refused(t, v.DirtyTLB(nil), "bitmap")
	refused(t, v.DirtyTLB(NewDirtyBitmap(0)), "bitmap")
	reached(t, v.DirtyTLB(NewDirtyBitmap(10)))
}
