package kvm

import (
	"slices"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// The local APIC's registers begin here; with this base in DS a guest in real
// mode reaches them.
const localAPIC = 0xfee00000

// newAPICGuest is newGuest with a local APIC that is switched on and in DS.
func newAPICGuest(t *testing.T, vm *VM, code ...byte) (*VCPU, *memory.Region) {
	t.Helper()
	r := addMemory(t, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(t, vm)
	lapic, err := v.LAPIC()
	must(t, err)
	lapic.SetReg(APICSpurious, 0x1ff)
	must(t, v.SetLAPIC(&lapic))
	realMode(t, v, r, code...)
	sregs, err := v.Sregs()
	must(t, err)
	sregs.DS.Base = localAPIC
	must(t, v.SetSregs(&sregs))
	return v, r
}

func TestTPRAccessExit(t *testing.T) {
	needProcessor(t)
	vm := newIRQChipVM(t)
	needCap(t, vm, uapi.CapVAPIC, "2.6.25")
	v, _ := newAPICGuest(t, vm,
		0x66, 0xa1, 0x80, 0x00, // mov eax, [0x80]
		0x66, 0xa3, 0x80, 0x00, // mov [0x80], eax
		0xe6, 0x10, //             out 0x10, al
	)
	must(t, v.SetTPRAccessReporting(true))
	for _, want := range []TPRAccessExit{{RIP: guestBase}, {RIP: guestBase + 4, Write: true}} {
		if got := runUntil(t, v, uapi.ExitTPRAccess).TPRAccess(); got != want {
			t.Errorf("TPRAccess = %+v, want %+v", got, want)
		}
	}
	runUntil(t, v, uapi.ExitIO)
}

func TestSetTPRExit(t *testing.T) {
	needProcessor(t)
	_, v, _ := newLongGuest(t, 0,
		0xb8, 0x05, 0x00, 0x00, 0x00, // mov eax, 5
		0x44, 0x0f, 0x22, 0xc0, //       mov cr8, rax
		0xb8, 0x03, 0x00, 0x00, 0x00, // mov eax, 3
		0x44, 0x0f, 0x22, 0xc0, //       mov cr8, rax
		0xe6, 0x10, //                   out 0x10, al
	)
	// Only a lower priority is of interest: an interrupt may be due.
	if x := runUntil(t, v, uapi.ExitSetTPR).SetTPR(); x.CR8 != 3 {
		t.Errorf("SetTPR = %+v, want 3", x)
	}
	runUntil(t, v, uapi.ExitIO)
}

func TestIOAPICEOIExit(t *testing.T) {
	needProcessor(t)
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapSplitIRQChip, "4.4")
	must(t, vm.EnableSplitIRQChip(24))
	const vector, level = 0x51, 1 << 15
	v, r := newAPICGuest(t, vm,
		0xfb,       // sti
		0xf4,       // again: hlt
		0xeb, 0xfd, // jmp again
	)
	const handler = 0x2000
	_, err := r.WriteAt([]byte{
		0x66, 0xc7, 0x06, 0xb0, 0x00, 0, 0, 0, 0, // mov dword [0xb0], 0
		0xe6, 0x10, // out 0x10, al
		0xcf, //       iret
	}, handler)
	must(t, err)
	_, err = r.WriteAt([]byte{handler & 0xff, handler >> 8, 0, 0}, vector*4)
	must(t, err)

	// The routes tell KVM which vectors are a pin's of the I/O APIC.
	var routes GSIRoutes
	routes.MSI(4, localAPIC, vector|level)
	must(t, vm.SetGSIRouting(&routes))
	must(t, vm.IRQLine(4, true))
	if x := runUntil(t, v, uapi.ExitIOAPICEOI).IOAPICEOI(); x.Vector != vector {
		t.Errorf("IOAPICEOI = %+v, want vector %#x", x, vector)
	}
	runUntil(t, v, uapi.ExitIO)
}

func TestHypervExit(t *testing.T) {
	vm := newIRQChipVM(t)
	needCap(t, vm, uapi.CapHypervSynIC2, "4.13")
	needCap(t, vm, uapi.CapHypervCPUID, "5.0")
	const control = 0x40000080 // of the synthetic interrupt controller
	v, _ := newAPICGuest(t, vm,
		0x66, 0xb9, 0x80, 0x00, 0x00, 0x40, // mov ecx, control
		0x66, 0xb8, 0x01, 0x00, 0x00, 0x00, // mov eax, 1
		0x66, 0x31, 0xd2, //                   xor edx, edx
		0x0f, 0x30, //                         wrmsr
		0xe6, 0x10, //                         out 0x10, al
	)
	must(t, v.EnableHypervSynIC2())
	cpuid, err := openSystem(t).SupportedCPUID()
	must(t, err)
	hyperv, err := v.SupportedHVCPUID()
	must(t, err)
	cpuid = slices.DeleteFunc(cpuid, func(e CPUIDEntry) bool { return e.Function>>16 == 0x4000 })
	must(t, v.SetCPUID2(append(cpuid, hyperv...)))
	x := runUntil(t, v, uapi.ExitHyperv).Hyperv()
	if x.Type != uapi.ExitHypervSynIC || x.SynIC() != (HypervSynIC{MSR: control, Control: 1}) {
		t.Errorf("Hyperv: type %d, SynIC %+v", x.Type, x.SynIC())
	}
	runUntil(t, v, uapi.ExitIO)
}
