package kvm

import "linuxkvm/uapi"

// Clock returns the VM's kvmclock in nanoseconds. Its Flags say what else is
// there, as far as the host has it (the value of KVM_CAP_ADJUST_CLOCK):
// uapi.ClockTSCStable when all vCPUs see the same clock, ClockRealtime when
// Realtime is the host's wall clock at that moment (nanoseconds since 1970), and
// ClockHostTSC when HostTSC is its time stamp counter.
//
// ioctl: KVM_GET_CLOCK (vm) · cap: KVM_CAP_ADJUST_CLOCK · arch: x86 · since: Linux 2.6.33 · doc: virt/kvm/api.rst "KVM_GET_CLOCK"
func (vm *VM) Clock() (uapi.ClockData, error) {
	clock, err := vmGet[uapi.ClockData](vm, uapi.IoctlVMGetClock)
	return clock, explain(err, vm, uapi.CapAdjustClock, "2.6.33")
}

// SetClock sets the VM's kvmclock. With uapi.ClockRealtime in Flags the time
// that has passed since Realtime is added; it is the one flag that is not
// refused, besides ClockHostTSC and ClockTSCStable which are ignored.
//
// ioctl: KVM_SET_CLOCK (vm) · cap: KVM_CAP_ADJUST_CLOCK · arch: x86 · since: Linux 2.6.33 · doc: virt/kvm/api.rst "KVM_SET_CLOCK"
func (vm *VM) SetClock(clock *uapi.ClockData) error {
	if clock == nil {
		return invalid("KVM_SET_CLOCK: nil clock")
	}
	err := vmSet(vm, uapi.IoctlVMSetClock, clock)
	return explain(err, vm, uapi.CapAdjustClock, "2.6.33")
}
