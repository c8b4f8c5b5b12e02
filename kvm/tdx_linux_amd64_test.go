package kvm

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// TDX needs a Xeon with the TDX module, which neither this host nor the rig has.
// What is sent to the kernel is looked at instead, and that a host without it says
// so.

func allTDX(vm *VM, v *VCPU, source MemoryRange) map[string]error {
	_, caps := vm.TDXCapabilities()
	_, cpuid := v.TDXCPUID()
	return map[string]error{
		"CAPABILITIES": caps, "INIT_VM": vm.TDXInitVM(&TDXInitVM{}), "FINALIZE_VM": vm.TDXFinalizeVM(),
		"INIT_VCPU": v.TDXInitVCPU(0), "INIT_MEM_REGION": v.TDXInitMemRegion(0, source, true), "GET_CPUID": cpuid,
	}
}

func TestTDXUnsupported(t *testing.T) {
	vm := newTestVM(t)
	types, err := vm.CheckExtension(uapi.CapVMTypes)
	must(t, err)
	for name, err := range allTDX(vm, newTestVCPU(t, vm), MemoryRange{Region: newTestRegion(t, 0x1000)}) {
		t.Run(name, func(t *testing.T) {
			wantError(t, err, ErrNotSupported)
			if types>>uapi.X86TDXVM&1 == 0 {
				wantError(t, err, ErrNotSupported, "KVM_X86_TDX_VM", "KVM_CAP_VM_TYPES", "6.16")
			}
		})
	}
}

func TestTDXClosed(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	must(t, v.Close())
	must(t, vm.Close())
	for name, err := range allTDX(vm, v, MemoryRange{Region: newTestRegion(t, 0x1000)}) {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrClosed) })
	}
}

func TestTDXWrong(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	r := newTestRegion(t, 0x2000)
	for name, err := range map[string]error{
		"nil TD":            vm.TDXInitVM(nil),
		"too much CPUID":    vm.TDXInitVM(&TDXInitVM{CPUID: make([]CPUIDEntry, maxElements+1)}),
		"no source":         v.TDXInitMemRegion(0, MemoryRange{}, false),
		"source misaligned": v.TDXInitMemRegion(0, MemoryRange{Region: r, Offset: 8, Size: 0x1000}, false),
		"source outside":    v.TDXInitMemRegion(0, MemoryRange{Region: r, Size: 0x3000}, false),
		"GPA misaligned":    v.TDXInitMemRegion(8, MemoryRange{Region: r}, false),
		"GPA wraps":         v.TDXInitMemRegion(math.MaxUint64-0xfff, MemoryRange{Region: r}, false),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrInvalid, "KVM_TDX_") })
	}
}

// tdxArg is a copy of the arguments of a command.
func tdxArg[T any](cmd *uapi.TDXCmd, mem *scratch) (arg T) {
	b := structBytes(&arg)
	copy(b, mem.at(cmd.Data, uint64(len(b))))
	return arg
}

func setTDXArg[T any](cmd *uapi.TDXCmd, mem *scratch, arg T) {
	b := structBytes(&arg)
	copy(mem.at(cmd.Data, uint64(len(b))), b)
}

func TestTDXErrors(t *testing.T) {
	fails := tdx(func(cmd *uapi.TDXCmd, _ *scratch) error {
		cmd.HWError = 0xc000_0000_0000_0001
		return &Error{Errno: syscall.EIO}
	})
	err := fails.run(uapi.TDXCmdFinalizeVM, 0, 0, new(scratch))
	wantError(t, err, syscall.EIO, "KVM_TDX_FINALIZE_VM", "0xc000000000000001")
	var e *TDXError
	if !errors.As(err, &e) || e.HWError != 0xc000_0000_0000_0001 {
		t.Errorf("got %#v", err)
	}
	other := tdx(func(*uapi.TDXCmd, *scratch) error { return &Error{Errno: syscall.ENOTTY} })
	wantError(t, other.run(uapi.TDXCmdInitVCPU, 0, 0, new(scratch)), ErrNotSupported, "KVM_TDX_INIT_VCPU", "X86TDXVM")
	if name := tdxCommand(99).String(); name != "KVM_TDX command 99" {
		t.Errorf("an unknown command is called %q", name)
	}
}

// More CPUID entries than there is room for are asked for again.
func TestTDXCapabilitiesEncoding(t *testing.T) {
	const entries = 100
	fake := tdx(func(cmd *uapi.TDXCmd, mem *scratch) error {
		if cmd.ID != uapi.TDXCmdCapabilities || cmd.Flags != 0 || cmd.HWError != 0 {
			t.Errorf("command %+v", *cmd)
		}
		a := tdxArg[uapi.TDXCapabilities](cmd, mem)
		if a.CPUID.Nent < entries {
			return &Error{Errno: syscall.E2BIG}
		}
		const header = 6*8 + 250*8
		list := mem.at(cmd.Data+header+8, entries*40)
		list[40] = 7 // function of the second
		a.SupportedAttrs, a.SupportedXFAM, a.CPUID.Nent = 1, 2, entries
		a.KernelTdvmcallinfo1R11, a.UserTdvmcallinfo1R11, a.KernelTdvmcallinfo1R12, a.UserTdvmcallinfo1R12 = 3, 4, 5, 6
		setTDXArg(cmd, mem, a)
		return nil
	})
	caps, err := fake.capabilities()
	must(t, err)
	if len(caps.CPUID) != entries || caps.CPUID[1].Function != 7 {
		t.Errorf("%d entries, the second is %+v", len(caps.CPUID), caps.CPUID[1])
	}
	caps.CPUID = nil
	if got := []uint64{caps.SupportedAttrs, caps.SupportedXFAM, caps.KernelTDVMCallInfo1R11, caps.UserTDVMCallInfo1R11, caps.KernelTDVMCallInfo1R12, caps.UserTDVMCallInfo1R12}; !slices.Equal(got, []uint64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("capabilities %+v", caps)
	}
}

func TestTDXInitVMEncoding(t *testing.T) {
	td := &TDXInitVM{
		Attributes: 1, XFAM: 2, MRConfigID: [48]byte{1, 2}, MROwner: [48]byte{47: 3}, MROwnerConfig: [48]byte{8: 4},
		CPUID: []CPUIDEntry{{Function: 1}, {Function: 0x80000000, EAX: 9}},
	}
	fake := tdx(func(cmd *uapi.TDXCmd, mem *scratch) error {
		want := make([]byte, 256+8+2*40)
		want[0], want[8] = 1, 2
		copy(want[16:], td.MRConfigID[:])
		copy(want[64:], td.MROwner[:])
		copy(want[112:], td.MROwnerConfig[:])
		want[256] = 2      // entries
		want[264] = 1      // function
		want[304+3] = 0x80 // function of the second
		want[304+3*4] = 9  // and its EAX
		if got := mem.at(cmd.Data, uint64(len(want))); cmd.ID != uapi.TDXCmdInitVM || !bytes.Equal(got, want) {
			t.Errorf("command %+v with\n%x, want\n%x", *cmd, got, want)
		}
		return nil
	})
	must(t, fake.initVM(td))
}

func TestTDXInitMemRegionEncoding(t *testing.T) {
	next := uapi.TDXInitMemRegion{SourceAddr: 0x1000, GPA: 0x8000, NrPages: 3}
	calls := 0
	fake := tdx(func(cmd *uapi.TDXCmd, mem *scratch) error {
		if got := tdxArg[uapi.TDXInitMemRegion](cmd, mem); got != next || cmd.ID != uapi.TDXCmdInitMemRegion || cmd.Flags != uapi.TDXMeasureMemoryRegion {
			t.Errorf("command %+v with %+v, want %+v", *cmd, got, next)
		}
		next.SourceAddr, next.GPA, next.NrPages = next.SourceAddr+0x1000, next.GPA+0x1000, next.NrPages-1
		setTDXArg(cmd, mem, next)
		if calls++; next.NrPages > 0 {
			return &Error{Errno: syscall.EAGAIN}
		}
		return nil
	})
	must(t, fake.initMemRegion(next, true))
	if calls != 3 {
		t.Errorf("%d calls, want 3", calls)
	}
}

func TestTDXCPUIDEncoding(t *testing.T) {
	fake := tdx(func(cmd *uapi.TDXCmd, mem *scratch) error {
		a := tdxArg[uapi.CPUID2](cmd, mem)
		room := a.Nent
		a.Nent = 70
		setTDXArg(cmd, mem, a)
		if cmd.ID != uapi.TDXCmdGetCPUID {
			t.Errorf("command %+v", *cmd)
		}
		if room < 70 {
			return &Error{Errno: syscall.E2BIG}
		}
		mem.at(cmd.Data+8+69*40, 40)[0] = 5
		return nil
	})
	list, err := fake.cpuid()
	if err != nil || len(list) != 70 || list[69].Function != 5 {
		t.Errorf("%d entries, %v", len(list), err)
	}
}
