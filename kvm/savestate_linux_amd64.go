package kvm

import (
	"encoding/binary"
	"errors"
	"syscall"

	"linuxkvm/uapi"
)

// VCPUState is everything that KVM holds of a vCPU. Pointers and slices are nil for
// what the vCPU or the host does not have.
type VCPUState struct {
	StateHeader
	ID      uint32 // of the vCPU
	MPState uint32

	CPUID []CPUIDEntry
	// BeyondHost are the bits of CPUID that the host itself did not offer: the
	// caller's own, which RestoreState does not ask the next host for either.
	BeyondHost []CPUIDBit

	Regs      uapi.Regs
	Sregs     uapi.Sregs
	Sregs2    *uapi.Sregs2 // where the host has it: RestoreState prefers it
	XCRs      *uapi.XCRs
	XSAVE     []byte    // in the format of the XSAVE instruction
	FPU       *uapi.FPU // where there is no XSAVE
	DebugRegs *uapi.DebugRegs
	LAPIC     *LAPIC
	Events    uapi.VCPUEvents
	MSRs      []uapi.MSREntry
	Nested    *NestedState
	Registers []RegState // those of KVM_GET_ONE_REG
	Xen       *XenVCPUState

	TSCKHz uint32 // 0 where the host does not tell
	// TSCOffset is what was added to the host's time stamp counter. RestoreState
	// does not use it: it is for a caller who wants the counter to have gone on
	// meanwhile, and sets TSCOffset afterwards as the kernel's document
	// virt/kvm/devices/vcpu.rst works it out.
	TSCOffset *uint64
}

// Model-specific registers that the order depends on.
const (
	msrFeatureControl = 0x3a
	msrMCGCap         = 0x179
	msrVMXBasic       = 0x480
	msrVMXLast        = 0x491
	msrTSCDeadline    = 0x6e0
	msrVMHSavePA      = 0xc0010117
	msrVMCR           = 0xc0010114
)

func (s *VCPUState) fields() []stateField {
	return []stateField{
		valueField("id", &s.ID),
		valueField("mp_state", &s.MPState),
		listField("cpuid2", &s.CPUID),
		listField("cpuid beyond host", &s.BeyondHost),
		valueField("regs", &s.Regs),
		valueField("sregs", &s.Sregs),
		optionalField("sregs2", &s.Sregs2),
		optionalField("xcrs", &s.XCRs),
		bytesField("xsave", &s.XSAVE),
		optionalField("fpu", &s.FPU),
		optionalField("debugregs", &s.DebugRegs),
		optionalField("lapic", &s.LAPIC),
		valueField("vcpu_events", &s.Events),
		listField("msrs", &s.MSRs),
		nestedField("nested_state", &s.Nested),
		regsField("one_reg", &s.Registers),
		optionalField("xen", &s.Xen),
		valueField("tsc_khz", &s.TSCKHz),
		optionalField("tsc_offset", &s.TSCOffset),
	}
}

// saveState reads in the order in which reading one part does not change another that
// was read: asking for the multiprocessing state takes INIT and SIPI, asking for the
// events settles CR2 and DR6 of a pending exception.
func (v *VCPU) saveState(s *VCPUState) error {
	for _, step := range []struct {
		part string
		do   func() error
	}{
		{"mp_state", func() (err error) { s.MPState, err = v.MPState(); return }},
		{"vcpu_events", func() (err error) { s.Events, err = v.VCPUEvents(); return }},
		{"regs", func() (err error) { s.Regs, err = v.Regs(); return }},
		{"sregs", func() (err error) { s.Sregs, err = v.Sregs(); return }},
		{"sregs2", func() error { return ifSupported(&s.Sregs2, v.Sregs2) }},
		{"xcrs", func() error { return ifSupported(&s.XCRs, v.XCRs) }},
		{"xsave", func() error { return v.saveXSAVE(s) }},
		{"debugregs", func() error { return ifSupported(&s.DebugRegs, v.DebugRegs) }},
		{"lapic", func() error { return v.saveLAPIC(s) }},
		{"tsc", func() error { return v.saveTSC(s) }},
		{"cpuid2", func() error { return v.saveCPUID(s) }},
		{"msrs", func() error { return v.saveMSRs(s) }},
		{"nested_state", func() error { return v.saveNested(s) }},
		{"xen", func() error { return v.saveXen(s) }},
		{"one_reg", func() error { return v.saveOneRegs(s) }},
	} {
		if err := step.do(); err != nil {
			return inState(step.part, err)
		}
	}
	return nil
}

// ifSupported reads what the host may be too old for.
func ifSupported[T any](to **T, get func() (T, error)) error {
	value, err := get()
	switch {
	case errors.Is(err, ErrNotSupported):
		return nil
	case err != nil:
		return err
	}
	*to = &value
	return nil
}

func (v *VCPU) saveXSAVE(s *VCPUState) (err error) {
	s.XSAVE, err = v.XSAVE2()
	if errors.Is(err, ErrNotSupported) {
		s.XSAVE, err = v.XSAVE()
	}
	if errors.Is(err, ErrNotSupported) {
		return ifSupported(&s.FPU, v.FPU)
	}
	return err
}

func (v *VCPU) saveLAPIC(s *VCPUState) error {
	lapic, err := v.LAPIC()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, ErrNotSupported) {
		return nil // it is not in the kernel
	}
	s.LAPIC = &lapic
	return err
}

// saveTSC is content without what the host does not tell.
func (v *VCPU) saveTSC(s *VCPUState) error {
	if khz, err := v.TSCKHz(); err == nil {
		s.TSCKHz = khz
	}
	if n, err := v.vm.CheckExtension(uapi.CapVCPUAttributes); err != nil || n == 0 {
		return err
	}
	offset, err := v.TSCOffset()
	if err == nil {
		s.TSCOffset = &offset
	}
	return nil
}

func (v *VCPU) saveNested(s *VCPUState) (err error) {
	s.Nested, err = v.NestedState()
	if errors.Is(err, ErrNotSupported) {
		return nil
	}
	return err
}

// saveOneRegs is for the registers that only KVM_GET_ONE_REG has, since Linux 6.18.
func (v *VCPU) saveOneRegs(s *VCPUState) (err error) {
	if n, err := v.vm.CheckExtension(uapi.CapOneReg); err != nil || n == 0 {
		return err
	}
	s.Registers, err = v.saveRegs()
	if errors.Is(err, ErrNotSupported) {
		return nil
	}
	return err
}

// restoreState has the kernel's order:
//   - CPUID before everything, as it says which registers there are, and the machine
//     check banks before their registers;
//   - the special registers, which have the local APIC's mode and EFER, before the
//     local APIC and the nested state;
//   - system management mode, IA32_FEATURE_CONTROL and the VMX capabilities before
//     the nested state, which is judged by them;
//   - the nested state before the rest, as it may be that of a guest's guest whose
//     registers these are;
//   - XCR0 before what it governs, and that before the registers, of which one
//     (IA32_XFD) would have KVM drop some of it;
//   - the local APIC before the registers, as the TSC deadline is taken only in the
//     mode of its timer, and that deadline after the counter;
//   - the multiprocessing state after the special registers, which can change it;
//   - the events last, as setting registers drops pending exceptions.
func (v *VCPU) restoreState(s *VCPUState) error {
	if err := v.checkShape(s); err != nil {
		return err
	}
	early, msrs := splitMSRs(s.MSRs)
	for _, step := range []struct {
		part string
		do   func() error
	}{
		{"cpuid2", func() error { return v.restoreCPUID(s) }},
		{"tsc_khz", func() error { return v.restoreTSCKHz(s) }},
		{"mce", func() error { return v.restoreMCE(s) }},
		{"sregs", func() error { return v.restoreSregs(s) }},
		{"vcpu_events", func() error { return v.restoreSMM(s) }},
		{"msrs", func() error { return v.restoreMSRs(early) }},
		{"nested_state", func() error { return v.restoreNested(s) }},
		{"regs", func() error { return v.SetRegs(&s.Regs) }},
		{"xcrs", func() error { return restoreIf(s.XCRs, v.SetXCRs) }},
		{"xsave", func() error { return v.restoreXSAVE(s) }},
		{"debugregs", func() error { return restoreIf(s.DebugRegs, v.SetDebugRegs) }},
		{"lapic", func() error { return restoreIf(s.LAPIC, v.SetLAPIC) }},
		{"msrs", func() error { return v.restoreMSRs(msrs) }},
		{"xen", func() error { return v.restoreXen(s) }},
		{"mp_state", func() error { return v.SetMPState(s.MPState) }},
		{"one_reg", func() error { return v.restoreOneRegs(s) }},
		{"vcpu_events", func() error { return v.SetVCPUEvents(&s.Events) }},
	} {
		var already *StateError
		if err := step.do(); errors.As(err, &already) {
			return err
		} else if err != nil {
			return inState(step.part, err)
		}
	}
	return nil
}

// checkShape compares what the caller made of the vCPU with what was saved.
func (v *VCPU) checkShape(s *VCPUState) error {
	_, err := v.LAPIC()
	inKernel := err == nil
	switch {
	case errors.Is(err, ErrClosed):
		return err
	case s.LAPIC != nil && !inKernel:
		return differs("local APIC", "the state has one that is in the kernel, this vCPU has none: call CreateIRQChip or EnableSplitIRQChip before the first vCPU is made")
	case s.LAPIC == nil && inKernel:
		return differs("local APIC", "this vCPU has one in the kernel, the state has none: make the VM without CreateIRQChip or EnableSplitIRQChip")
	}
	size, err := v.vm.XSAVESize()
	if err != nil {
		return err
	}
	if len(s.XSAVE) > size {
		return lacks(nil, "xsave", "the extended state has %d bytes, this host has room for %d", len(s.XSAVE), size)
	}
	return nil
}

func restoreIf[T any](value *T, set func(*T) error) error {
	if value == nil {
		return nil
	}
	return set(value)
}

func (v *VCPU) restoreTSCKHz(s *VCPUState) error {
	now, err := v.TSCKHz()
	if s.TSCKHz == 0 || err == nil && now == s.TSCKHz {
		return nil
	}
	if err := v.SetTSCKHz(s.TSCKHz); err != nil {
		return lacks(err, "TSC frequency", "the vCPU's counter runs at %d kHz, this host's at %d, and it cannot be scaled", s.TSCKHz, now)
	}
	return nil
}

func (v *VCPU) restoreSregs(s *VCPUState) error {
	if s.Sregs2 == nil {
		return v.SetSregs(&s.Sregs)
	}
	// The interrupt of the older form's bitmap is among the events too.
	err := v.SetSregs2(s.Sregs2)
	if errors.Is(err, ErrNotSupported) {
		return v.SetSregs(&s.Sregs)
	}
	return err
}

// restoreSMM switches system management mode, if the vCPU is in it: that would end
// nested virtualization if it came later.
func (v *VCPU) restoreSMM(s *VCPUState) error {
	if s.Nested == nil || s.Events.SMI.SMM == 0 {
		return nil
	}
	return v.SetVCPUEvents(&s.Events)
}

func (v *VCPU) restoreNested(s *VCPUState) error {
	if s.Nested == nil {
		return nil
	}
	err := v.SetNestedState(s.Nested)
	if err == nil || !s.Nested.inUse() && !errors.Is(err, ErrClosed) {
		return nil // whoever has none loses none
	}
	return lacks(err, "nested_state", "the guest uses nested virtualization (%s), which this vCPU does not take", s.Nested.kind())
}

// inUse reports whether there is something in the state: the guest has switched VMX on,
// or runs a guest by SVM.
func (s *NestedState) inUse() bool {
	const off = 1<<64 - 1
	switch {
	case s.VMX != nil:
		return s.VMX.VmxonPA != off
	case s.SVM != nil:
		return s.Flags&uapi.StateNestedGuestMode != 0
	}
	return false
}

func (s *NestedState) kind() string {
	if s.VMX != nil {
		return "VMX"
	}
	return "SVM"
}

func (v *VCPU) restoreXSAVE(s *VCPUState) error {
	if s.XSAVE == nil {
		return restoreIf(s.FPU, v.SetFPU)
	}
	err := v.SetXSAVE(s.XSAVE)
	if errors.Is(err, syscall.EINVAL) {
		const header = 512
		return lacks(err, "xsave", "KVM refuses the components %#x, or their contents", binary.LittleEndian.Uint64(s.XSAVE[header:]))
	}
	return err
}

func (v *VCPU) restoreOneRegs(s *VCPUState) error {
	if len(s.Registers) == 0 {
		return nil
	}
	if n, err := v.vm.CheckExtension(uapi.CapOneReg); err != nil || n == 0 {
		return lacks(err, "register "+s.Registers[0].ID.String(), "this host has no KVM_SET_ONE_REG for x86 (Linux 6.18 has)")
	}
	return v.restoreRegs(s.Registers, func(uapi.Reg) int { return 0 })
}
