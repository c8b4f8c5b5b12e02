package kvm

import "linuxkvm/uapi"

// Debug says how a guest is debugged. The zero value is: not at all.
type Debug struct {
	SingleStep bool // exit after every instruction
	Software   bool // exit at INT3, which the caller has put there
	// Breakpoints are up to four that the processor watches. While there are
	// any, the guest's own use of the debug registers has no effect.
	Breakpoints []Breakpoint
	InjectDB    bool // deliver a debug exception to the guest at the next Run
	InjectBP    bool // deliver a breakpoint exception to the guest at the next Run
	BlockIRQ    bool // keep interrupts from the guest while it is stepped (Linux 5.19)
}

// Breakpoint is one hardware breakpoint.
type Breakpoint struct {
	Addr  uint64 // guest-virtual address
	Watch Watch  // what is watched; the zero value is execution
	Len   int    // bytes that are watched: 1, 2, 4 or 8; for execution 1, or 0
}

// Watch is what a hardware breakpoint stops at.
type Watch uint8

// The three kinds, by their number in the debug control register.
const (
	WatchExecution Watch = 0
	WatchWrite     Watch = 1
	WatchReadWrite Watch = 3
)

// SetDebug is SetGuestDebug in words.
//
// ioctl: KVM_SET_GUEST_DEBUG (vcpu) · cap: KVM_CAP_SET_GUEST_DEBUG · arch: x86 · since: Linux 2.6.30 · doc: virt/kvm/api.rst "KVM_SET_GUEST_DEBUG"
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
		{len(d.Breakpoints) > 0, uapi.GuestdbgUseHWBP},
		{d.InjectDB, uapi.GuestdbgInjectDB},
		{d.InjectBP, uapi.GuestdbgInjectBP},
		{d.BlockIRQ, uapi.GuestdbgBlockirq},
	} {
		if flag.on {
			arg.Control |= flag.bit | uapi.GuestdbgEnable
		}
	}
	if len(d.Breakpoints) > 4 {
		return arg, invalid("%v: %d hardware breakpoints, there are 4", uapi.IoctlVCPUSetGuestDebug, len(d.Breakpoints))
	}
	for i, b := range d.Breakpoints {
		bits, err := b.control()
		if err != nil {
			return arg, err
		}
		arg.Arch.DebugReg[i] = b.Addr
		// Bit 2i+1 enables breakpoint i for all tasks.
		arg.Arch.DebugReg[7] |= bits<<(16+4*i) | 2<<(2*i)
	}
	return arg, nil
}

// control returns the breakpoint's four bits of the debug control register.
func (b Breakpoint) control() (uint64, error) {
	length, ok := map[int]uint64{0: 0, 1: 0, 2: 1, 4: 3, 8: 2}[b.Len]
	if !ok || b.Watch > WatchReadWrite || b.Watch == 2 || b.Watch == WatchExecution && length != 0 {
		return 0, invalid("breakpoint at %#x: cannot watch %d bytes for accesses of kind %d", b.Addr, b.Len, b.Watch)
	}
	return length<<2 | uint64(b.Watch), nil
}
