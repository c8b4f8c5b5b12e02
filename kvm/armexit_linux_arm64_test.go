package kvm

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// Functions of PSCI, by their numbers for a caller with 64 bits where they have one.
const (
	psciVersion       = 0x8400_0000
	psciCPUOff        = 0x8400_0002
	psciCPUOn         = 0xc400_0003
	psciSystemOff     = 0x8400_0008
	psciSystemReset   = 0x8400_0009
	psciSystemSuspend = 0xc400_000e
	psciSystemReset2  = 0xc400_0012
)

// Accesses of every width to where there is nothing.
func TestArmMMIO(t *testing.T) {
	const device = 0x1234_0000
	for _, width := range []uint32{1, 2, 4, 8} {
		_, v, r := newArmGuest(t,
			setX(0, device), setX(1, 0x8877_6655_4433_2211),
			store(width, 1, 0, 8),
			load(width, 2, 0, 16),
			setX(3, 0x3000), store(8, 2, 3, 0), armDone())
		x := armRun(t, v, uapi.ExitMMIO).MMIO()
		want := uint64(0x8877_6655_4433_2211) << (64 - 8*width) >> (64 - 8*width)
		if !x.Write || x.GPA != device+8 || x.Data().Len() != int(width) || x.Data().Uint64() != want {
			t.Errorf("a store of %d bytes: %+v with %#x", width, x, x.Data().Uint64())
		}
		x = armRun(t, v, uapi.ExitMMIO).MMIO()
		if x.Write || x.GPA != device+16 || x.Data().Len() != int(width) {
			t.Errorf("a load of %d bytes: %+v with %d bytes", width, x, x.Data().Len())
		}
		x.Data().SetUint64(0xf8f7_f6f5_f4f3_f2f1)
		armFinish(t, v)
		want = uint64(0xf8f7_f6f5_f4f3_f2f1) << (64 - 8*width) >> (64 - 8*width)
		if got, err := r.LoadUint64(0x3000); err != nil || got != want {
			t.Errorf("a load of %d bytes gave the guest %#x (%v), want %#x", width, got, err, want)
		}
	}
}

// An access that the processor does not describe is an error, or the caller's
// to emulate.
func TestArmNISV(t *testing.T) {
	const device = 0x1234_0000
	code := armCode(setX(0, device), setX(1, 5), storePost(1, 0, 16), armDone())
	_, v, _ := newProgram(t, code)
	_, err := runFor(v, runLimit)
	wantError(t, err, syscall.ENOSYS, "KVM_RUN")

	vm, v, _ := newProgram(t, code)
	needCap(t, vm, uapi.CapArmNISVToUser, "5.5")
	must(t, vm.EnableCap(uapi.CapArmNISVToUser))
	x := armRun(t, v, uapi.ExitArmNISV).ArmNISV()
	const write = 1 << 6
	if x.IPA != device || x.ESRISS&write == 0 {
		t.Errorf("ArmNISV = %+v, want a write to %#x", x, device)
	}
	// The caller emulates it: X0 goes on by 16, and the guest by an instruction.
	must(t, SetOneReg(v, uapi.RegArmCorePC, oneReg(t, v, uapi.RegArmCorePC)+4))
	must(t, SetOneReg(v, uapi.RegArmCoreRegs0, device+16))
	armFinish(t, v)
	if x0 := armX(t, v, 0); x0 != device+16 {
		t.Errorf("X0 is %#x, want %#x", x0, device+16)
	}
}

// The guest asks the firmware for the end of the machine.
func TestArmSystemEvents(t *testing.T) {
	for _, tc := range []struct {
		name     string
		function uint64
		args     []uint64
		want     uint32
		flags    uint64
	}{
		{"off", psciSystemOff, nil, uapi.SystemEventShutdown, 0},
		{"reset", psciSystemReset, nil, uapi.SystemEventReset, 0},
		{"reset 2", psciSystemReset2, []uint64{0, 0}, uapi.SystemEventReset, uapi.SystemEventResetFlagPSCIReset2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, v, _ := newArmGuest(t, armCall(tc.function, tc.args...), armDone())
			x := armRun(t, v, uapi.ExitSystemEvent).SystemEvent()
			if x.Type != tc.want || x.NData < 1 || x.Data[0] != tc.flags {
				t.Errorf("SystemEvent = %+v, want type %d and flags %d", x, tc.want, tc.flags)
			}
		})
	}
}

// The firmware's version, by HVC, with no exit.
func TestArmFirmwareCall(t *testing.T) {
	_, v, _ := newArmGuest(t, armCall(psciVersion), armDone())
	version := oneReg(t, v, uapi.RegArmPSCIVersion)
	armFinish(t, v)
	if x0 := armX(t, v, 0); x0 != version {
		t.Errorf("the guest was told version %#x, the host %#x", x0, version)
	}
}

// A guest that suspends goes on at an address of its choice; until then it is the
// caller's to wait for an interrupt, which the vCPU does in a state of its own.
func TestArmSystemSuspend(t *testing.T) {
	vm, v, _ := newArmGuest(t, armCall(psciSystemSuspend, 0x1234, 77), armDone())
	needCap(t, vm, uapi.CapArmSystemSuspend, "6.0")
	must(t, vm.EnableCap(uapi.CapArmSystemSuspend))
	if x := armRun(t, v, uapi.ExitSystemEvent).SystemEvent(); x.Type != uapi.SystemEventSuspend {
		t.Fatalf("SystemEvent = %+v, want a suspension", x)
	}
	if x1 := armX(t, v, 1); x1 != 0x1234 {
		t.Errorf("the guest wants to go on at %#x, want 0x1234", x1)
	}
	must(t, v.SetMPState(uapi.MPStateSuspended))
	irq, err := ArmIRQCPU(0, false)
	must(t, err)
	must(t, vm.IRQLine(irq, true))
	if x := armRun(t, v, uapi.ExitSystemEvent).SystemEvent(); x.Type != uapi.SystemEventWakeup {
		t.Errorf("SystemEvent = %+v, want a wake-up", x)
	}
	if state, err := v.MPState(); err != nil || state != uapi.MPStateSuspended {
		t.Errorf("state %d, %v; want suspended", state, err)
	}
	must(t, v.SetMPState(uapi.MPStateRunnable))
	must(t, vm.IRQLine(irq, false))
	armFinish(t, v)
}

// Calls that are filtered: refused, or the caller's.
func TestArmSMCCCFilter(t *testing.T) {
	const service, n = 0x8600_0000, 16 // a vendor's
	vm, v, _ := newArmGuest(t, armCall(service+3, 11, 12), setX(3, 0x3000), store(8, 0, 3, 0),
		armCall(psciVersion), store(8, 0, 3, 8), armDone())
	if olderKernel(t, "6.4") {
		t.Skip("needs a filter of firmware calls: Linux 6.4 or newer (the rig's arm64-newest has it: make test-lanes)")
	}
	if has, err := vm.HasAttr(uapi.ArmVMSMCCCCtrl, uapi.ArmVMSMCCCFilter); err != nil || !has {
		t.Fatalf("has the filter: %v, %v", has, err)
	}
	filter := vm.SMCCCFilter()
	must(t, filter.Add(service, n, uapi.SMCCCFilterFwdToUser))
	wantError(t, filter.Add(service, 1, uapi.SMCCCFilterDeny), syscall.EEXIST, "KVM_SET_DEVICE_ATTR")
	must(t, filter.Add(psciVersion, 1, uapi.SMCCCFilterDeny))
	x := armRun(t, v, uapi.ExitHypercall).Hypercall()
	if x.Nr != service+3 || x.Flags != 0 {
		t.Errorf("Hypercall = %+v, want function %#x by HVC", x, service+3)
	}
	if got := armX(t, v, 2); got != 12 {
		t.Errorf("the second argument is %d, want 12", got)
	}
	must(t, SetOneReg(v, uapi.RegArmCoreRegs0, 99))
	armFinish(t, v)
	if got := armX(t, v, 0); got != 1<<64-1 {
		t.Errorf("a denied call returned %#x, want that it is not known", got)
	}
	wantError(t, filter.Add(service+0x1000, 1, uapi.SMCCCFilterDeny), syscall.EBUSY)
}

// A second vCPU is off until the first one switches it on, at an address and with
// a value of its choice.
func TestArmCPUOn(t *testing.T) {
	const entry = 0x2000
	vm, first, r := newArmGuest(t, armCall(psciCPUOn, 1, entry, 0x77), armDone())
	_, err := r.WriteAt(armCode(setX(1, 0x3000), store(8, 0, 1, 0), armCall(psciCPUOff), branch(0)), entry)
	must(t, err)
	second, err := vm.CreateVCPU(1)
	must(t, err)
	defer second.Close()
	must(t, second.ArmInit(ArmPSCI, ArmPowerOff))
	if state, err := second.MPState(); err != nil || state != uapi.MPStateStopped {
		t.Errorf("state %d, %v; want stopped", state, err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- second.Loop(context.Background(), func(e Exit) error {
			if e.Reason() != uapi.ExitIntr {
				return errors.New(e.Reason().String())
			}
			state, err := second.MPState()
			if word, _ := r.LoadUint64(0x3000); word != 0 && state == uapi.MPStateStopped {
				return ErrStop
			}
			return err
		})
	}()
	armFinish(t, first)
	if x0 := armX(t, first, 0); x0 != 0 {
		t.Errorf("CPU_ON returned %#x", x0)
	}
	eventually(t, "the second vCPU's end", func() bool {
		_ = second.Kick()
		return len(ended) > 0
	})
	must(t, <-ended)
	if word, err := r.LoadUint64(0x3000); err != nil || word != 0x77 {
		t.Errorf("the second vCPU has %#x, %v; want the first one's 0x77", word, err)
	}
}

func TestArmMPState(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	for _, state := range []uint32{uapi.MPStateStopped, uapi.MPStateRunnable} {
		must(t, v.SetMPState(state))
		if got, err := v.MPState(); err != nil || got != state {
			t.Errorf("state %d, %v; want %d", got, err, state)
		}
	}
	wantError(t, v.SetMPState(uapi.MPStateHalted), syscall.EINVAL, "KVM_SET_MP_STATE")
}

// An SError that the caller makes pending, and an abort that it injects, take the
// guest to its vectors.
func TestArmVCPUEvents(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapVCPUEvents, "4.19")
	v := newTestVCPU(t, vm)
	events, err := v.VCPUEvents()
	must(t, err)
	if events.Exception.SerrorPending != 0 {
		t.Error("a new vCPU has an SError pending")
	}
	must(t, v.SetVCPUEvents(&uapi.VCPUEvents{Exception: uapi.VCPUEventsException{SerrorPending: 1}}))
	if events, err = v.VCPUEvents(); err != nil || events.Exception.SerrorPending != 1 {
		t.Errorf("events %+v, %v; want an SError", events, err)
	}
	wantError(t, v.SetVCPUEvents(nil), ErrInvalid)
	bad := uapi.VCPUEvents{Reserved: [12]uint32{1}}
	wantError(t, v.SetVCPUEvents(&bad), syscall.EINVAL, "KVM_SET_VCPU_EVENTS")
}

func TestArmInjectedAbort(t *testing.T) {
	const device, vectors = 0x1234_0000, 0x4000
	vm, v, r := newArmGuest(t, setX(0, device), load(4, 1, 0, 0), armDone())
	needCap(t, vm, uapi.CapArmInjectExtDABT, "5.5")
	must(t, SetOneReg(v, uapi.RegArm64SysregVBAREL1, vectors))
	const synchronous = 0x200 // from this level, with its own stack
	_, err := r.WriteAt(armCode(mrs(2, uapi.RegArm64SysregESREL1), mrs(3, uapi.RegArm64SysregFAREL1), armDone()), vectors+synchronous)
	must(t, err)
	if x := armRun(t, v, uapi.ExitMMIO).MMIO(); x.Write || x.GPA != device {
		t.Fatalf("MMIO = %+v", x)
	}
	// Nothing answers there.
	must(t, v.SetVCPUEvents(&uapi.VCPUEvents{Exception: uapi.VCPUEventsException{ExtDABTPending: 1}}))
	armFinish(t, v)
	const dataAbort = 0x25
	if class, far := uint32(armX(t, v, 2))>>26, armX(t, v, 3); class != dataAbort || far != device {
		t.Errorf("the guest had an exception of class %#x at %#x, want %#x at %#x", class, far, dataAbort, device)
	}
}
