package kvm

import (
	"slices"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestSupportedCPUID(t *testing.T) {
	entries, err := openSystem(t).SupportedCPUID()
	must(t, err)
	i := slices.IndexFunc(entries, func(e CPUIDEntry) bool { return e.Function == 0 })
	if i < 0 || entries[i].EBX == 0 {
		t.Fatalf("no leaf 0 with a vendor in %+v", entries)
	}
}

func TestEmulatedCPUID(t *testing.T) {
	s := openSystem(t)
	needCap(t, s, uapi.CapExtEmulCPUID, "3.13")
	entries, err := s.EmulatedCPUID()
	must(t, err)
	if len(entries) == 0 {
		t.Error("no entries")
	}
}

func TestSupportedHVCPUID(t *testing.T) {
	s := openSystem(t)
	_, err := s.SupportedHVCPUID()
	if err != nil {
		wantError(t, err, ErrNotSupported, "KVM_CAP_SYS_HYPERV_CPUID", "5.11")
	}
	needCap(t, s, uapi.CapSysHypervCPUID, "5.11")
	must(t, err)
	vm := newTestVM(t)
	entries, err := newTestVCPU(t, vm).SupportedHVCPUID()
	must(t, err)
	const vendorLeaf = 0x40000000
	if !slices.ContainsFunc(entries, func(e CPUIDEntry) bool { return e.Function == vendorLeaf }) {
		t.Errorf("no leaf %#x in %+v", vendorLeaf, entries)
	}
}

func TestCPUID2RoundTrip(t *testing.T) {
	s := openSystem(t)
	v := newTestVCPU(t, newTestVM(t))
	want, err := s.SupportedCPUID()
	must(t, err)
	must(t, v.SetCPUID2(want))
	got, err := v.CPUID2()
	must(t, err)
	// KVM changes bits that follow the vCPU's state, so only the leaves are
	// compared.
	leaf := func(e CPUIDEntry) [2]uint32 { return [2]uint32{e.Function, e.Index} }
	same := func(a, b CPUIDEntry) bool { return leaf(a) == leaf(b) }
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("set %d leaves, got %d or others", len(want), len(got))
	}
}

// A buffer that is too small at first must grow to the same result.
func TestVariableStateGrows(t *testing.T) {
	s := openSystem(t)
	want, err := s.SupportedCPUID()
	must(t, err)
	tries := 0
	got, err := growing(1, uapi.NewCPUID2Buffer, func(b *uapi.CPUID2Buffer) (int, error) {
		tries++
		_, err := ioctlBuffer(s.fd, uapi.IoctlSystemGetSupportedCPUID, b.Pointer())
		return int(b.Header().Nent), err
	})
	must(t, err)
	if len(got) != len(want) || tries < 3 {
		t.Errorf("%d entries in %d tries, want %d in several", len(got), tries, len(want))
	}
}

func TestSetCPUID2RefusesTooMany(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	if err := v.SetCPUID2(make([]CPUIDEntry, 1000)); err == nil {
		t.Error("KVM took 1000 entries")
	}
	wantError(t, v.SetCPUID2(make([]CPUIDEntry, maxElements+1)), ErrInvalid)
}

// The old form sets leaves without subleaves.
func TestSetCPUID(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	must(t, v.SetCPUID([]uapi.CPUIDEntry{{Function: 0, EAX: 1, EBX: 0x12345678}, {Function: 1, EAX: 0x600}}))
	got, err := v.CPUID2()
	must(t, err)
	// Some modules add leaves of their own.
	if len(got) < 2 || got[0].EBX != 0x12345678 || got[1].Function != 1 || got[1].Flags != 0 {
		t.Errorf("the vCPU has %+v", got)
	}
	wantError(t, v.SetCPUID(make([]uapi.CPUIDEntry, 1000)), syscall.E2BIG, "KVM_SET_CPUID")
	wantError(t, v.SetCPUID(make([]uapi.CPUIDEntry, maxElements+1)), ErrInvalid)
	must(t, v.SetCPUID(nil))
	must(t, v.Close())
	wantError(t, v.SetCPUID(nil), ErrClosed)
}
