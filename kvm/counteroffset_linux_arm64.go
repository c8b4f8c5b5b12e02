package kvm

import "linuxkvm/uapi"

// ArmSetCounterOffset sets what the guest's virtual and physical counters are behind
// the host's physical counter, for all vCPUs of the VM, and has KVM ignore later
// writes of the counters' registers. EBUSY means that a vCPU was busy.
//
// ioctl: KVM_ARM_SET_COUNTER_OFFSET (vm) · cap: KVM_CAP_COUNTER_OFFSET · arch: arm64 · since: Linux 6.4 · doc: virt/kvm/api.rst "KVM_ARM_SET_COUNTER_OFFSET"
func (vm *VM) ArmSetCounterOffset(ticks uint64) error {
	err := vmSet(vm, uapi.IoctlVMArmSetCounterOffset, &uapi.ArmCounterOffset{CounterOffset: ticks})
	return explain(err, vm, uapi.CapCounterOffset, "6.4")
}
