package uapi

import (
	"testing"
	"unsafe"
)

// TestKnownFacts compares with numbers that are known from elsewhere: the
// kernel's documentation, strace's output, other bindings.
func TestKnownFacts(t *testing.T) {
	for _, c := range []struct {
		what      string
		got, want uintptr
	}{
		{"sizeof kvm_regs", unsafe.Sizeof(Regs{}), 144},
		{"sizeof kvm_sregs", unsafe.Sizeof(Sregs{}), 312},
		{"sizeof kvm_segment", unsafe.Sizeof(Segment{}), 24},
		{"sizeof kvm_fpu", unsafe.Sizeof(FPU{}), 416},
		{"sizeof kvm_lapic_state", unsafe.Sizeof(LAPICState{}), 1024},
		{"sizeof kvm_xsave", unsafe.Sizeof(XSAVE{}), 4096},
		{"sizeof kvm_run", unsafe.Sizeof(Run{}), 2352},
		{"sizeof kvm_irqchip", unsafe.Sizeof(IRQChip{}), 520},
		{"sizeof kvm_vcpu_events", unsafe.Sizeof(VCPUEvents{}), 64},
		{"offsetof kvm_run.exit_reason", unsafe.Offsetof(Run{}.ExitReason), 8},
		{"offsetof kvm_run.io", unsafe.Offsetof(Run{}.Union), 32},
		{"offsetof kvm_run.immediate_exit", unsafe.Offsetof(Run{}.ImmediateExit), 1},
		{"KVM_GET_API_VERSION", uintptr(IoctlSystemGetAPIVersion), 0xae00},
		{"KVM_CREATE_VM", uintptr(IoctlSystemCreateVM), 0xae01},
		{"KVM_CHECK_EXTENSION (vm)", uintptr(IoctlVMCheckExtension), 0xae03},
		{"KVM_SET_USER_MEMORY_REGION", uintptr(IoctlVMSetUserMemoryRegion), 0x4020ae46},
		{"KVM_RUN", uintptr(IoctlVCPURun), 0xae80},
		{"KVM_GET_REGS", uintptr(IoctlVCPUGetRegs), 0x8090ae81},
		{"KVM_SET_SREGS", uintptr(IoctlVCPUSetSregs), 0x4138ae84},
		{"KVM_SET_CPUID2", uintptr(IoctlVCPUSetCPUID2), 0x4008ae90},
		{"KVM_IRQFD", uintptr(IoctlVMIRQFD), 0x4020ae76},
		{"KVM_SET_DEVICE_ATTR", uintptr(IoctlDeviceSetDeviceAttr), 0x4018aee1},
	} {
		if c.got != c.want {
			t.Errorf("%s is %#x, want %#x", c.what, c.got, c.want)
		}
	}
}

func TestIOAPICBits(t *testing.T) {
	var e IOAPICStateRedirtbl
	f := e.Fields()
	f.Vector = 0x31
	f.SetDeliveryMode(5)
	f.SetTrigMode(true)
	f.SetMask(true)
	f.DestID = 7
	// The layout of an I/O APIC's redirection entry.
	if want := uint64(7)<<56 | 1<<16 | 1<<15 | 5<<8 | 0x31; e.Bits != want {
		t.Errorf("entry %#x, want %#x", e.Bits, want)
	}
	f.SetDeliveryMode(0xfa) // only three bits count
	f.SetTrigMode(false)
	if f.DeliveryMode() != 2 || f.TrigMode() || !f.Mask() || f.Polarity() {
		t.Errorf("entry %#x", e.Bits)
	}
}

func TestCPUID2Buffer(t *testing.T) {
	b := NewCPUID2Buffer(3)
	if b.Header().Nent != 3 || b.Len() != 3 || b.Size() != 8+3*40 || len(b.Entries()) != 3 {
		t.Fatalf("%+v, %d entries, %d bytes", b.Header(), b.Len(), b.Size())
	}
	b.Entries()[2] = CPUIDEntry2{Function: 1, EDX: 2}
	// SAFETY: 88 is the offset of the third entry in the buffer.
	third := (*CPUIDEntry2)(unsafe.Add(b.Pointer(), 88))
	if third.Function != 1 || third.EDX != 2 {
		t.Errorf("the third entry is not where C has it: %+v", third)
	}
	n := NewNestedStateVMXBuffer(1)
	if n.Header().Size != 128+8192 || n.Size() != 128+8192 {
		t.Errorf("nested state of %d bytes, the header says %d", n.Size(), n.Header().Size)
	}
}
