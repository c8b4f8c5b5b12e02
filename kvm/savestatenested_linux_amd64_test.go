package kvm

import (
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	"linuxkvm/uapi"
)

// moved saves a guest of one vCPU, and restores it into a VM and a vCPU that are
// configured in the same way.
func moved(tb testing.TB, g savedGuest, configure func(*VM, *VCPU)) (*VM, *VCPU) {
	tb.Helper()
	vm := newTestVM(tb)
	withIRQChip(tb)(vm)
	ram := addMemory(tb, vm, 0, 0, 0, len(g.ram))
	v := newTestVCPU(tb, vm)
	configure(vm, v)
	restoreAll(tb, g, vm, ram, []*VCPU{v})
	return vm, v
}

// A guest that runs a guest itself, by SVM, is saved while that one computes.
func TestSaveStateOfANestedGuest(t *testing.T) {
	const vmcb, hostSave, inner, exitCode = 0x5000, 0x6000, 0x2000, lcgProgress + 0x20
	vm, v, r := newLongGuest(t, 0,
		0xb8, 0x00, 0x50, 0x00, 0x00, // mov eax, vmcb
		0x0f, 0x01, 0xd8, // vmrun
		0x48, 0x8b, 0x04, 0x25, 0x70, 0x50, 0x00, 0x00, // mov rax, [vmcb+0x70]: why it came back
		0x48, 0x89, 0x43, 0x20, // mov [rbx+0x20], rax
		0xe6, 0x10, // out 0x10, al
	)
	cpuid, err := v.CPUID2()
	must(t, err)
	const svm = 1 << 2
	if cpuidRegisters(cpuid, 0x80000001, 0)[2]&svm == 0 {
		t.Skip("needs a processor with SVM whose KVM nests (the rig has one: make test-lanes)")
	}
	code := slices.Clone(lcgCode[:len(lcgCode)-2])
	_, err = r.WriteAt(append(code, 0x0f, 0x01, 0xd9), inner) // vmmcall at its end
	must(t, err)
	_, err = r.WriteAt(innerVMCB(inner), vmcb)
	must(t, err)
	s, err := v.Sregs()
	must(t, err)
	s.EFER |= 1 << 12 // SVME
	must(t, v.SetSregs(&s))
	must(t, v.SetMSR(msrVMHSavePA, hostSave))
	startLCG(t, v, 0, lcgSteps, lcgProgress)

	for part := range uint64(2) {
		kickedWhen(t, v, lcgAt(r, lcgProgress, lcgSteps-(part*2+1)*lcgSteps/10))
		state, err := v.SaveState()
		must(t, err)
		if state.Nested == nil || state.Nested.Flags&uapi.StateNestedGuestMode == 0 {
			t.Fatalf("the nested state is %+v, and the guest's guest runs", state.Nested)
		}
		var vcpus []*VCPU
		vm, vcpus, r = restoreGuest(t, saveGuest(t, vm, r, v), noSetup)
		v = vcpus[0]
	}
	wantLCG(t, v, r, lcgProgress, lcgSeed)
	const vmmcall = 0x81
	if got, err := r.LoadUint64(exitCode); err != nil || got != vmmcall {
		t.Errorf("the guest's guest came back for %#x, %v, want %#x", got, err, vmmcall)
	}
}

// innerVMCB is the control block, as the processor's manual has it, of a guest in 64-bit
// mode that begins at rip with its number in RAX, in the page tables of longMode.
func innerVMCB(rip uint64) []byte {
	b := make([]byte, 0x1000)
	put32 := func(at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	put64 := func(at int, v uint64) { binary.LittleEndian.PutUint64(b[at:], v) }
	put32(0x010, 3) // VMRUN and VMMCALL come back
	put32(0x058, 1) // address space
	segment := func(at int, selector, attributes uint32) {
		put32(at, selector|attributes<<16)
		put32(at+4, 0xffffffff)
	}
	for _, at := range []int{0x400, 0x420, 0x430, 0x440, 0x450} {
		segment(at, 0x10, 0xc93)
	}
	segment(0x410, 0x08, 0xa9b)    // CS
	segment(0x490, 0x18, 0x08b)    // TR
	put64(0x4d0, 1<<12|1<<10|1<<8) // EFER
	put64(0x548, 1<<5)             // CR4
	put64(0x550, longTables)       // CR3
	put64(0x558, 1<<31|1<<4|1)     // CR0
	put64(0x560, 0x400)            // DR7
	put64(0x568, 0xffff0ff0)       // DR6
	put64(0x570, 2)                // RFLAGS
	put64(0x578, rip)
	put64(0x5d8, guestBase) // RSP
	put64(0x5f8, lcgSeed)   // RAX
	put64(0x668, 0x0007040600070406)
	return b
}

// The registers of a Hyper-V guest's interrupt sources and timers are in the state.
func TestSaveStateOfAHyperVGuest(t *testing.T) {
	vm := newTestVM(t)
	withIRQChip(t)(vm)
	needCap(t, vm, uapi.CapHypervSynIC2, "4.13")
	needCap(t, vm, uapi.CapHypervCPUID, "5.0")
	r := addMemory(t, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(t, vm)
	configure := func(_ *VM, v *VCPU) { must(t, v.EnableHypervSynIC2()) }
	configure(vm, v)
	s := openSystem(t)
	cpuid, err := s.SupportedCPUID()
	must(t, err)
	cpuid = slices.DeleteFunc(cpuid, func(e CPUIDEntry) bool { return e.Function>>16 == 0x4000 })
	hv, err := v.SupportedHVCPUID()
	must(t, err)
	must(t, v.SetCPUID2(append(cpuid, hv...)))
	msrs := []uapi.MSREntry{
		{Index: 0x40000000, Data: 0x1234},          // GUEST_OS_ID
		{Index: 0x40000080, Data: 1},               // SCONTROL
		{Index: 0x40000083, Data: 0x3001},          // SIMP
		{Index: 0x40000090, Data: 1<<16 | 0x31},    // SINT0
		{Index: 0x4000009f, Data: 1<<16 | 0x32},    // SINT15
		{Index: 0x400000b6, Data: 3 << 16},         // STIMER3_CONFIG
		{Index: 0x40000073, Data: 0x4000 &^ 0xfff}, // VP_ASSIST_PAGE
	}
	must(t, v.SetMSRs(msrs...))
	_, v = moved(t, saveGuest(t, vm, r, v), configure)
	for _, m := range msrs {
		if got, err := v.MSR(m.Index); err != nil || got != m.Data {
			t.Errorf("MSR %#x is %#x, %v, want %#x", m.Index, got, err, m.Data)
		}
	}
}

// The attributes of a Xen guest are in the state.
func TestSaveStateOfAXenGuest(t *testing.T) {
	vm := newTestVM(t)
	withIRQChip(t)(vm)
	needCap(t, vm, uapi.CapXenHvm, "7.2")
	r := addMemory(t, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(t, vm)
	must(t, vm.XenHvmSetAttr(XenLongMode(true)))
	must(t, vm.XenHvmSetAttr(XenSharedInfo(5)))
	must(t, vm.XenHvmSetAttr(XenUpcallVector(0x20)))
	must(t, v.XenVCPUSetAttr(XenVCPUInfo(0x2000)))
	must(t, v.XenVCPUSetAttr(XenVCPUTimeInfo(0x3000)))
	flags, err := vm.CheckExtension(uapi.CapXenHvm)
	must(t, err)
	if flags&uapi.XenHvmConfigRunstate != 0 {
		must(t, v.XenVCPUSetAttr(XenRunstateAddr(0x4000)))
	}
	if flags&uapi.XenHvmConfigEvtchnSend != 0 {
		must(t, vm.XenHvmSetAttr(XenVersion(4<<16|17)))
		must(t, v.XenVCPUSetAttr(XenVCPUID(3)))
		must(t, v.XenVCPUSetAttr(XenVCPUUpcallVector(0x30)))
		must(t, v.XenVCPUSetAttr(XenTimer{Port: 4, Priority: uapi.IRQRoutingXenEvtchnPrio2Level}))
	}
	vmBefore, err := vm.SaveState()
	must(t, err)
	before, err := v.SaveState()
	must(t, err)
	if vmBefore.Xen == nil || before.Xen == nil || before.Xen.VCPUInfo != 0x2000 {
		t.Fatalf("the state has %+v and %+v of Xen", vmBefore.Xen, before.Xen)
	}
	vm, v = moved(t, saveGuest(t, vm, r, v), func(*VM, *VCPU) {})
	vmAfter, err := vm.SaveState()
	must(t, err)
	after, err := v.SaveState()
	must(t, err)
	before.Xen.Runstate, after.Xen.Runstate = XenRunstateData{}, XenRunstateData{} // times
	if !reflect.DeepEqual(vmBefore.Xen, vmAfter.Xen) || !reflect.DeepEqual(before.Xen, after.Xen) {
		t.Errorf("before: %+v %+v\nafter: %+v %+v", vmBefore.Xen, before.Xen, vmAfter.Xen, after.Xen)
	}
}
