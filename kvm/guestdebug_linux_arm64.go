package kvm

import "linuxkvm/uapi"

// Debug says how a guest is debugged. The zero value is: not at all.
type Debug struct {
	SingleStep bool // exit after every instruction
	Software   bool // exit at BRK, which the caller has put there
	// Breakpoints and Watchpoints are addresses that the processor watches, up to
	// 16 each and at least 2 (KVM_CAP_GUEST_DEBUG_HW_BPS and _WPS say how many).
	// While there are any, the guest's own do not work.
	Breakpoints []uint64 // guest-virtual addresses of instructions
	Watchpoints []Watchpoint
}

// Watchpoint is data that the processor watches, within 8 bytes that are aligned.
type Watchpoint struct {
	Addr        uint64 // guest-virtual address
	Len         int    // bytes, 1 to 8
	Load, Store bool   // what to stop at
}

// Fields of the control registers: enabled, at EL0 and EL1, and for a breakpoint
// all of an instruction.
const (
	armDebugOn       = 1 | 3<<1
	armBreakpointAll = 0xf << 5
)

// SetDebug is SetGuestDebug in words.
//
// ioctl: KVM_SET_GUEST_DEBUG (vcpu) · cap: KVM_CAP_SET_GUEST_DEBUG · arch: arm64 · since: Linux 4.2 · doc: virt/kvm/api.rst "KVM_SET_GUEST_DEBUG"
func (v *VCPU) SetDebug(d Debug) error {
	arg, err := d.arg()
	if err != nil {
		return err
	}
	return v.SetGuestDebug(&arg)
}

func (d *Debug) arg() (arg uapi.GuestDebug, err error) {
	for _, flag := range []struct {
		on  bool
		bit uint32
	}{
		{d.SingleStep, uapi.GuestdbgSinglestep},
		{d.Software, uapi.GuestdbgUseSWBP},
		{len(d.Breakpoints)+len(d.Watchpoints) > 0, uapi.GuestdbgUseHW},
	} {
		if flag.on {
			arg.Control |= flag.bit | uapi.GuestdbgEnable
		}
	}
	if max(len(d.Breakpoints), len(d.Watchpoints)) > uapi.ArmMaxDbgRegs {
		return arg, invalid("%v: %d breakpoints and %d watchpoints, want up to %d each",
			uapi.IoctlVCPUSetGuestDebug, len(d.Breakpoints), len(d.Watchpoints), uapi.ArmMaxDbgRegs)
	}
	for i, addr := range d.Breakpoints {
		if err := checkAligned("the address of a breakpoint", addr, 4); err != nil {
			return arg, err
		}
		arg.Arch.DbgBvr[i], arg.Arch.DbgBcr[i] = addr, armDebugOn|armBreakpointAll
	}
	for i, w := range d.Watchpoints {
		if arg.Arch.DbgWvr[i], arg.Arch.DbgWcr[i], err = w.registers(); err != nil {
			return arg, err
		}
	}
	return arg, nil
}

// registers returns the address, which is aligned, and the control, which says
// which of the 8 bytes from there on are watched.
func (w Watchpoint) registers() (addr, control uint64, err error) {
	first := int(w.Addr % 8)
	if w.Len < 1 || first+w.Len > 8 || !w.Load && !w.Store {
		return 0, 0, invalid("watchpoint at %#x: cannot watch %d bytes (load %v, store %v): want a load or a store of 1 to 8 bytes within 8 that are aligned",
			w.Addr, w.Len, w.Load, w.Store)
	}
	control = armDebugOn | (1<<w.Len-1)<<first<<5
	if w.Load {
		control |= 1 << 3
	}
	if w.Store {
		control |= 2 << 3
	}
	return w.Addr &^ 7, control, nil
}
