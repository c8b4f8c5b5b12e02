package kvm

import (
	"syscall"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

func TestArmTimers(t *testing.T) {
	_, v, _ := newGICv3VM(t)
	timers := v.ArmTimers()
	for timer, want := range map[ArmTimer]int32{ArmVTimer: 27, ArmPTimer: 30} {
		if has, err := v.HasAttr(uapi.ArmVCPUTimerCtrl, uint64(timer)); err != nil || !has {
			t.Errorf("timer %d has no attribute (%v)", timer, err)
		}
		if got, err := timers.IRQ(timer); err != nil || got != want {
			t.Errorf("timer %d has interrupt %d, %v; want %d", timer, got, err, want)
		}
	}
	must(t, timers.SetIRQ(ArmVTimer, 22))
	if got, err := timers.IRQ(ArmVTimer); err != nil || got != 22 {
		t.Errorf("the timer has interrupt %d, %v after it was set to 22", got, err)
	}
}

func TestArmPVTime(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapStealTime, "")
	addMemory(t, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(t, vm)
	pv := v.ArmPVTime()
	if at, err := pv.IPA(); err != nil || at != 1<<64-1 {
		t.Errorf("the stolen time is at %#x, %v; want nowhere", at, err)
	}
	wantError(t, pv.SetIPA(0x4000_0000), syscall.EINVAL) // where there is no memory
	must(t, pv.SetIPA(0x4040))
	if at, err := pv.IPA(); err != nil || at != 0x4040 {
		t.Errorf("the stolen time is at %#x, %v; want 0x4040", at, err)
	}
	wantError(t, pv.SetIPA(0x4080), syscall.EEXIST)
}

func TestArmPMU(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapArmPMUV3, "")
	g := newGICv3(t, vm)
	must(t, g.SetRedistAddr(gicRedist))
	v, err := vm.CreateVCPU(0)
	must(t, err)
	defer v.Close()
	must(t, v.ArmInit(ArmPSCI, ArmPMUv3))
	must(t, g.Init())
	pmu := v.ArmPMU()
	_, err = pmu.IRQ()
	wantError(t, err, syscall.ENXIO)
	must(t, pmu.AddFilter(0x11, 1, uapi.PMUEventAllow)) // cycles, and nothing else
	must(t, pmu.AddFilter(0x0, 0x10, uapi.PMUEventDeny))
	must(t, pmu.SetIRQ(23))
	if got, err := pmu.IRQ(); err != nil || got != 23 {
		t.Errorf("the overflow interrupt is %d, %v; want 23", got, err)
	}
	must(t, pmu.Init())
	wantError(t, pmu.Init(), syscall.EBUSY, "KVM_SET_DEVICE_ATTR")
	other := newTestVCPU(t, newTestVM(t)) // without counters
	wantError(t, other.ArmPMU().Init(), syscall.ENODEV)
}

// Tags that the host writes are those that it reads; the memory without tags for
// them is refused.
func TestArmMTETags(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapArmMTE, "")
	must(t, vm.EnableCap(uapi.CapArmMTE))
	r, err := memory.New(0x10000)
	must(t, err)
	t.Cleanup(func() { vm.Close(); must(t, r.Close()) })
	must(t, vm.SetUserMemoryRegion(0, 0, 0, r))
	tags := make([]byte, 2*guestPageSize/armTagGranule)
	for i := range tags {
		tags[i] = byte(i % 15)
	}
	if n, err := vm.SetArmMTETags(guestPageSize, tags); n != len(tags) || err != nil {
		t.Fatalf("%d of %d tags were set, %v", n, len(tags), err)
	}
	got := make([]byte, 3*guestPageSize/armTagGranule)
	if n, err := vm.ArmMTETags(guestPageSize, got); n != len(got) || err != nil {
		t.Fatalf("%d of %d tags were read, %v", n, len(got), err)
	}
	for i, tag := range got {
		want := byte(0)
		if i < len(tags) {
			want = tags[i]
		}
		if tag != want {
			t.Fatalf("tag %d is %d, want %d", i, tag, want)
		}
	}
	_, err = vm.ArmMTETags(0x100000, got)
	wantError(t, err, syscall.EFAULT, "KVM_ARM_MTE_COPY_TAGS")
}

const guestPageSize = 4096
