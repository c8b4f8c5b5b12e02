package kvm

import (
	"testing"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

func TestEncodeVGICV2(t *testing.T) {
	var log attrLog
	g := &VGICV2{attrs: &log}
	log.sets(t, g.SetDistAddr(0x8000000), 0, 0, u64(0x8000000))
	log.sets(t, g.SetCPUAddr(0x8010000), 0, 1, u64(0x8010000))
	gets(t, &log, g.DistAddr, 0, 0)
	gets(t, &log, g.CPUAddr, 0, 1)
	log.refuses(t, g.SetDistAddr(0x800), "0x800", "0x1000")
	log.refuses(t, g.SetCPUAddr(1), "CPU interface")
	log.sets(t, g.SetNrIRQs(96), 3, 0, u32(96))
	gets(t, &log, g.NrIRQs, 3, 0)
	for _, n := range []uint32{0, 32, 63, 65, 1025, 1056, 1<<32 - 1} {
		log.refuses(t, g.SetNrIRQs(n), "64")
	}
	log.sets(t, g.Init(), 4, 0, nil)
	log.sets(t, g.SetDistReg(7, 0x100, 5), 1, 7<<32|0x100, u32(5))
	gets(t, &log, func() (uint32, error) { return g.DistReg(7, 0x100) }, 1, 7<<32|0x100)
	log.sets(t, g.SetCPUReg(255, 4, 5), 2, 255<<32|4, u32(5))
	gets(t, &log, func() (uint32, error) { return g.CPUReg(0, 4) }, 2, 4)
	log.refuses(t, g.SetDistReg(0, 2, 0), "0x2")
	log.refuses(t, g.SetCPUReg(0, 3, 0))
	log.refuses(t, second(g.DistReg(0, 1)))
	log.refuses(t, second(g.CPUReg(0, 1)))
}

func TestEncodeVGICV3(t *testing.T) {
	var log attrLog
	g := &VGICV3{attrs: &log}
	log.sets(t, g.SetDistAddr(0x8000000), 0, 2, u64(0x8000000))
	log.sets(t, g.SetRedistAddr(0x80a0000), 0, 3, u64(0x80a0000))
	gets(t, &log, g.DistAddr, 0, 2)
	gets(t, &log, g.RedistAddr, 0, 3)
	log.refuses(t, g.SetDistAddr(0x1000), "0x1000", "0x10000")
	log.refuses(t, g.SetRedistAddr(0x8000))
	log.sets(t, g.SetNrIRQs(1024), 3, 0, u32(1024))
	gets(t, &log, g.NrIRQs, 3, 0)
	log.refuses(t, g.SetNrIRQs(100), "100")
	log.sets(t, g.Init(), 4, 0, nil)
	log.sets(t, g.SavePendingTables(), 4, 3, nil)
	log.sets(t, g.SetMaintIRQ(25), 9, 0, u32(25))
	gets(t, &log, g.MaintIRQ, 9, 0)
	log.refuses(t, g.SetMaintIRQ(15))
	log.refuses(t, g.SetMaintIRQ(32), "31")
}

func TestEncodeRedistRegion(t *testing.T) {
	var log attrLog
	g := &VGICV3{attrs: &log}
	r := RedistRegion{Index: 3, Count: 0x123, Base: 0x000f_ffff_ffff_0000}
	log.sets(t, g.AddRedistRegion(r), 0, 5, u64(0x123f_ffff_ffff_0003))
	if got := unpackRedistRegion(0x123f_ffff_ffff_0003); got != r {
		t.Errorf("unpacked %+v, want %+v", got, r)
	}
	for _, bad := range []RedistRegion{
		{Count: 0}, {Count: 4096}, {Count: 1, Index: 4096}, {Count: 1, Base: 1 << 52}, {Count: 1, Base: 0x1000},
	} {
		log.refuses(t, g.AddRedistRegion(bad))
	}
	log.refuses(t, second(g.RedistRegion(4096)), "4096")
	// The index goes along.
	if _, err := g.RedistRegion(9); err != nil {
		t.Fatal(err)
	}
	if c := log.last(t); c.set || c.attr != 5 || string(c.value) != string(u64(9)) {
		t.Errorf("asked %+v", c)
	}
}

func TestEncodeVGICV3Registers(t *testing.T) {
	var log attrLog
	g := &VGICV3{attrs: &log}
	// Aff3 4, Aff2 3, Aff1 2, Aff0 1, and bits that are no affinity.
	const mpidr, affinity = 0x04_8103_0201 | 1<<30, uint64(0x0403_0201) << 32
	log.sets(t, g.SetDistReg(0x6000, 7), 1, 0x6000, u32(7))
	gets(t, &log, func() (uint32, error) { return g.DistReg(8) }, 1, 8)
	log.sets(t, g.SetRedistReg(mpidr, 0x10080, 7), 5, affinity|0x10080, u32(7))
	gets(t, &log, func() (uint32, error) { return g.RedistReg(mpidr, 8) }, 5, affinity|8)
	// ICC_PMR_EL1 is S3_0_c4_c6_0.
	log.sets(t, g.SetCPUSysreg(mpidr, uapi.RegArm64SysregICCPMREL1, 0xf0), 6, affinity|0xc230, u64(0xf0))
	gets(t, &log, func() (uint64, error) { return g.CPUSysreg(mpidr, uapi.RegArm64SysregICCSREEL1) }, 6, affinity|0xc665)
	log.sets(t, g.SetLineLevel(mpidr, 64, 1<<31), 7, affinity|64, u32(1<<31))
	gets(t, &log, func() (uint32, error) { return g.LineLevel(0, 992) }, 7, 992)
	for _, intid := range []uint32{1, 33, 1024, 1 << 31} {
		log.refuses(t, second(g.LineLevel(0, intid)), "32")
		log.refuses(t, g.SetLineLevel(0, intid, 0))
	}
	log.refuses(t, g.SetDistReg(2, 0))
	log.refuses(t, second(g.DistReg(2)))
	log.refuses(t, g.SetRedistReg(0, 2, 0))
	log.refuses(t, second(g.RedistReg(0, 2)))
	log.refuses(t, g.SetCPUSysreg(0, uapi.RegArmCorePC, 0), "regs.pc")
	log.refuses(t, second(g.CPUSysreg(0, uapi.RegArmPSCIVersion)))
}

func TestEncodeVGICITS(t *testing.T) {
	var log attrLog
	s := &VGICITS{attrs: &log}
	log.sets(t, s.SetAddr(0x8080000), 0, 4, u64(0x8080000))
	gets(t, &log, s.Addr, 0, 4)
	log.refuses(t, s.SetAddr(0x8000))
	log.sets(t, s.Init(), 4, 0, nil)
	log.sets(t, s.SaveTables(), 4, 1, nil)
	log.sets(t, s.RestoreTables(), 4, 2, nil)
	log.sets(t, s.Reset(), 4, 4, nil)
	log.sets(t, s.SetReg(0x80, 1<<63), 8, 0x80, u64(1<<63))
	gets(t, &log, func() (uint64, error) { return s.Reg(4) }, 8, 4)
	log.refuses(t, s.SetReg(1, 0))
	log.refuses(t, second(s.Reg(2)))
	v5 := &VGICV5{attrs: &log}
	log.sets(t, v5.Init(), 4, 0, nil)
	gets(t, &log, v5.UserspacePPIs, 4, 5)
}

func TestEncodeArmVCPUAttributes(t *testing.T) {
	var log attrLog
	p := ArmPMU{&log}
	log.sets(t, p.SetIRQ(23), 0, 0, u32(23))
	gets(t, &log, p.IRQ, 0, 0)
	log.refuses(t, p.SetIRQ(-1), "-1")
	log.refuses(t, p.SetIRQ(1020))
	log.sets(t, p.Init(), 0, 1, nil)
	log.sets(t, p.AddFilter(0x11, 2, uapi.PMUEventDeny), 0, 2, append(append(u16(0x11), u16(2)...), 1, 0, 0, 0))
	log.refuses(t, p.AddFilter(0, 0, 0), "at least one")
	log.refuses(t, p.AddFilter(0xffff, 2, 0))
	log.refuses(t, p.AddFilter(0, 1, 2))
	log.sets(t, p.AddFilter(0xffff, 1, 0), 0, 2, append(append(u16(0xffff), u16(1)...), 0, 0, 0, 0))
	log.sets(t, p.SetPMU(8), 0, 3, u32(8))
	log.sets(t, p.SetNrCounters(31), 0, 4, u32(31))
	log.refuses(t, p.SetNrCounters(32))

	timers := ArmTimers{&log}
	log.sets(t, timers.SetIRQ(ArmHPTimer, 26), 1, 3, u32(26))
	gets(t, &log, func() (int32, error) { return timers.IRQ(ArmVTimer) }, 1, 0)
	log.refuses(t, timers.SetIRQ(ArmVTimer, 15))
	log.refuses(t, timers.SetIRQ(ArmVTimer, 32))

	pv := ArmPVTime{&log}
	log.sets(t, pv.SetIPA(0x40), 2, 0, u64(0x40))
	gets(t, &log, pv.IPA, 2, 0)
	log.refuses(t, pv.SetIPA(0x20), "0x20")
}

func TestEncodeSMCCCFilter(t *testing.T) {
	var log attrLog
	f := SMCCCFilter{&log}
	log.sets(t, f.Add(0xffff_ffff, 1, uapi.SMCCCFilterFwdToUser), 0, 0,
		append(append(u32(0xffff_ffff), u32(1)...), append([]byte{2}, make([]byte, 15)...)...))
	log.refuses(t, f.Add(0xffff_ffff, 2, 0))
	log.refuses(t, f.Add(0, 0, 0))
	log.refuses(t, f.Add(0, 1, 3))
}

func TestEncodeArmIRQ(t *testing.T) {
	for _, c := range []struct {
		got  func() (uint32, error)
		want uint32
	}{
		{func() (uint32, error) { return ArmIRQSPI(32) }, 0x0100_0020},
		{func() (uint32, error) { return ArmIRQSPI(1019) }, 0x0100_03fb},
		{func() (uint32, error) { return ArmIRQPPI(0, 27) }, 0x0200_001b},
		{func() (uint32, error) { return ArmIRQPPI(255, 16) }, 0x02ff_0010},
		{func() (uint32, error) { return ArmIRQPPI(256, 16) }, 0x1200_0010},
		{func() (uint32, error) { return ArmIRQPPI(4095, 16) }, 0xf2ff_0010},
		{func() (uint32, error) { return ArmIRQCPU(1, false) }, 0x0001_0000},
		{func() (uint32, error) { return ArmIRQCPU(1, true) }, 0x0001_0001},
	} {
		if got, err := c.got(); got != c.want || err != nil {
			t.Errorf("%#x, %v; want %#x", got, err, c.want)
		}
	}
	for _, err := range []error{
		second(ArmIRQSPI(31)), second(ArmIRQSPI(1020)), second(ArmIRQSPI(-1)),
		second(ArmIRQPPI(0, 128)), second(ArmIRQPPI(4096, 16)), second(ArmIRQPPI(-1, 16)), second(ArmIRQCPU(4096, true)),
	} {
		wantError(t, err, ErrInvalid)
	}
}

func TestEncodeArmFeatures(t *testing.T) {
	var init uapi.VCPUInit
	must(t, SetArmFeatures(&init, ArmPSCI, ArmPMUv3, 33))
	if init.Features != [7]uint32{1<<2 | 1<<3, 2} {
		t.Errorf("features %#x", init.Features)
	}
	wantError(t, SetArmFeatures(&init, -1), ErrInvalid, "-1")
	wantError(t, SetArmFeatures(&init, 224), ErrInvalid)
	wantError(t, SetArmFeatures(nil), ErrInvalid)
	wantError(t, new(VCPU).ArmVCPUFinalize(-1), ErrInvalid)
	wantError(t, new(VCPU).ArmVCPUFinalize(224), ErrInvalid, "224")
}

func TestEncodeArmDeviceAddr(t *testing.T) {
	arg, err := armDeviceAddr(uapi.VGICV2AddrTypeCPU, 0x8010000)
	must(t, err)
	if arg != (uapi.ArmDeviceAddr{ID: 1, Addr: 0x8010000}) {
		t.Errorf("%+v", arg)
	}
	wantError(t, new(VM).ArmSetDeviceAddr(0, 0x800), ErrInvalid, "0x800")
}

func TestEncodeMTETags(t *testing.T) {
	page := sys.PageSize()
	arg, err := armCopyTags(uint64(3*page), page/16, uapi.ArmTagsFromGuest)
	must(t, err)
	if arg.GuestIPA != uint64(3*page) || arg.Length != uint64(page) || arg.Flags != 1 {
		t.Errorf("%+v", arg)
	}
	vm := new(VM)
	for _, c := range []struct {
		gpa uint64
		n   int
	}{{0, 0}, {0, 1}, {0, page/16 + 1}, {1, page / 16}, {0, 1 << 27}, {0, 1 << 40}} {
		if c.n < 1<<20 {
			wantError(t, second(vm.ArmMTETags(c.gpa, make([]byte, c.n))), ErrInvalid)
			wantError(t, second(vm.SetArmMTETags(c.gpa, make([]byte, c.n))), ErrInvalid)
		}
		wantError(t, second(armCopyTags(c.gpa, c.n, 0)), ErrInvalid)
	}
}

func TestEncodeRegMasks(t *testing.T) {
	var m ArmRegMasks
	for i := range m {
		m[i] = uint64(1000 + i)
	}
	// The index is that of KVM_ARM_FEATURE_ID_RANGE_IDX.
	for id, want := range map[uapi.RegID[uint64]]uint64{
		uapi.RegArm64SysregIDAA64PFR0EL1:    1000 + 4<<3,
		uapi.RegArm64SysregIDAA64MMFR0EL1:   1000 + 7<<3,
		uapi.RegArm64Sysreg5(3, 1, 0, 0, 1): 1000 + 1<<6 + 1, // CLIDR_EL1
		uapi.RegArm64Sysreg5(3, 3, 0, 0, 1): 1000 + 2<<6 + 1, // CTR_EL0
		uapi.RegArm64Sysreg5(3, 3, 0, 7, 7): 1000 + 191,
	} {
		if got, ok := m.Mask(id); got != want || !ok {
			t.Errorf("%v: %d, %v; want %d", id, got, ok, want)
		}
	}
	for _, id := range []uapi.RegID[uint64]{
		uapi.RegArm64SysregSCTLREL1, uapi.RegArm64Sysreg5(3, 2, 0, 0, 0), uapi.RegArm64Sysreg5(2, 0, 0, 0, 0),
		uapi.RegArm64Sysreg5(3, 0, 0, 8, 0), uapi.RegArmCorePC,
	} {
		if _, ok := m.Mask(id); ok {
			t.Errorf("%v has a mask", id)
		}
	}
}

func TestEncodeArmDebug(t *testing.T) {
	d := Debug{SingleStep: true, Software: true, Breakpoints: []uint64{0x1000, 0x2004},
		Watchpoints: []Watchpoint{{0x3002, 2, true, false}, {0x4000, 8, false, true}, {0x5007, 1, true, true}}}
	arg, err := d.arg()
	must(t, err)
	const control = uapi.GuestdbgEnable | uapi.GuestdbgSinglestep | uapi.GuestdbgUseSWBP | uapi.GuestdbgUseHW
	a := arg.Arch
	if arg.Control != control || a.DbgBvr[1] != 0x2004 || a.DbgBcr[1] != 0x1e7 || a.DbgBcr[2] != 0 {
		t.Errorf("control %#x, %+v", arg.Control, a)
	}
	// Enabled at EL0 and EL1; load is bit 3, store bit 4, bytes from bit 5 on.
	if a.DbgWvr[0] != 0x3000 || a.DbgWcr[0] != 0xc<<5|1<<3|7 || a.DbgWcr[1] != 0xff<<5|2<<3|7 || a.DbgWcr[2] != 0x80<<5|3<<3|7 {
		t.Errorf("watchpoints %#x, %#x", a.DbgWvr[:3], a.DbgWcr[:3])
	}
	if arg, err := new(Debug).arg(); err != nil || arg != (uapi.GuestDebug{}) {
		t.Errorf("no debugging is %+v, %v", arg, err)
	}
	for _, bad := range []Debug{
		{Breakpoints: make([]uint64, 17)}, {Watchpoints: make([]Watchpoint, 17)}, {Breakpoints: []uint64{2}},
		{Watchpoints: []Watchpoint{{0, 0, true, true}}}, {Watchpoints: []Watchpoint{{1, 8, true, true}}},
		{Watchpoints: []Watchpoint{{0, 1, false, false}}}, {Watchpoints: []Watchpoint{{0, -1, true, false}}},
	} {
		wantError(t, new(VCPU).SetDebug(bad), ErrInvalid)
	}
}
