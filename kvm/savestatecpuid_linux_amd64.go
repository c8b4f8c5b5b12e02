package kvm

import (
	"fmt"
	"math/bits"

	"linuxkvm/uapi"
)

// CPUIDBit is a bit of what CPUID answers.
type CPUIDBit struct {
	Function uint32 // leaf
	Index    uint32 // subleaf
	Register uint32 // 0 to 3 are EAX, EBX, ECX and EDX
	Bit      uint32
}

// String returns "CPUID leaf 0x7.0 EBX bit 16".
func (b CPUIDBit) String() string {
	return fmt.Sprintf("CPUID leaf %#x.%d %s bit %d", b.Function, b.Index, [...]string{"EAX", "EBX", "ECX", "EDX"}[b.Register&3], b.Bit)
}

// cpuidFeatures are the leaves, and in them the registers, whose bits are each a
// feature that a guest may use. The others are numbers and topology.
var cpuidFeatures = []struct {
	function, index uint32
	registers       [4]bool
}{
	{0x1, 0, [4]bool{2: true, 3: true}},
	{0x6, 0, [4]bool{0: true}},
	{0x7, 0, [4]bool{1: true, 2: true, 3: true}},
	{0x7, 1, [4]bool{true, true, true, true}},
	{0x7, 2, [4]bool{3: true}},
	{0xd, 0, [4]bool{0: true, 3: true}}, // XCR0
	{0xd, 1, [4]bool{0: true, 2: true, 3: true}},
	{0x40000001, 0, [4]bool{0: true}}, // KVM's own, or Hyper-V's signature
	{0x80000001, 0, [4]bool{2: true, 3: true}},
	{0x80000007, 0, [4]bool{3: true}},
	{0x80000008, 0, [4]bool{1: true}},
	{0x8000000a, 0, [4]bool{3: true}},
	{0x80000021, 0, [4]bool{0: true}},
}

// beyond returns the bits of features that have has and offered has not.
func beyond(have, offered []CPUIDEntry) (list []CPUIDBit) {
	for _, f := range cpuidFeatures {
		h, o := cpuidRegisters(have, f.function, f.index), cpuidRegisters(offered, f.function, f.index)
		for r, feature := range f.registers {
			if !feature {
				continue
			}
			for rest := h[r] &^ o[r]; rest != 0; rest &= rest - 1 {
				list = append(list, CPUIDBit{f.function, f.index, uint32(r), uint32(bits.TrailingZeros32(rest))})
			}
		}
	}
	return list
}

func cpuidRegisters(entries []CPUIDEntry, function, index uint32) [4]uint32 {
	for _, e := range entries {
		if e.Function == function && (e.Index == index || e.Flags&uapi.CPUIDFlagSignifcantIndex == 0 && index == 0) {
			return [4]uint32{e.EAX, e.EBX, e.ECX, e.EDX}
		}
	}
	return [4]uint32{}
}

// offeredCPUID returns what the host can give a guest, natively or by emulation.
func (vm *VM) offeredCPUID() (entries []CPUIDEntry, err error) {
	err = vm.withSystem(func(s *System) error {
		if entries, err = s.SupportedCPUID(); err != nil {
			return err
		}
		emulated, err := s.EmulatedCPUID()
		if err == nil {
			entries = joinCPUID(entries, emulated)
		}
		return nil
	})
	return entries, err
}

// joinCPUID sets in the leaves of entries the bits of more.
func joinCPUID(entries, more []CPUIDEntry) []CPUIDEntry {
	for i := range entries {
		e := &entries[i]
		for _, m := range more {
			if m.Function == e.Function && m.Index == e.Index {
				e.EAX, e.EBX, e.ECX, e.EDX = e.EAX|m.EAX, e.EBX|m.EBX, e.ECX|m.ECX, e.EDX|m.EDX
			}
		}
	}
	return entries
}

func (v *VCPU) saveCPUID(s *VCPUState) (err error) {
	if s.CPUID, err = v.CPUID2(); err != nil || len(s.CPUID) == 0 {
		return err
	}
	offered, err := v.vm.offeredCPUID()
	s.BeyondHost = beyond(s.CPUID, offered)
	return err
}

// restoreCPUID asks first whether the host has what the guest may use: KVM itself
// takes any CPUID.
func (v *VCPU) restoreCPUID(s *VCPUState) error {
	if len(s.CPUID) == 0 {
		return nil
	}
	offered, err := v.vm.offeredCPUID()
	if err != nil {
		return err
	}
	known := make(map[CPUIDBit]bool, len(s.BeyondHost))
	for _, b := range s.BeyondHost {
		known[b] = true
	}
	for _, b := range beyond(s.CPUID, offered) {
		if !known[b] {
			return lacks(nil, b.String(), "the guest was given this feature, and this host does not have it")
		}
	}
	return v.SetCPUID2(s.CPUID)
}

// withSystem calls do with the System that the VM is from, or with another one when
// that is closed.
func (vm *VM) withSystem(do func(*System) error) error {
	if s := vm.system; s != nil {
		if _, ok := s.fd.Acquire(); ok {
			defer s.fd.Release()
			return do(s)
		}
	}
	s, err := Open()
	if err != nil {
		return fmt.Errorf("%w; the System that the VM was made from is closed: leave it open until states are saved and restored", err)
	}
	defer s.Close()
	return do(s)
}
