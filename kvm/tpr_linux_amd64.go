package kvm

import "linuxkvm/uapi"

// SetTPRAccessReporting switches the exits on the guest's accesses to its task
// priority register (uapi.ExitTPRAccess) on or off.
//
// ioctl: KVM_TPR_ACCESS_REPORTING (vcpu) · cap: KVM_CAP_VAPIC · arch: x86 · since: Linux 2.6.25 · doc: none
func (v *VCPU) SetTPRAccessReporting(on bool) error {
	var ctl uapi.TPRAccessCtl
	if on {
		ctl.Enabled = 1
	}
	err := vcpuSet(v, uapi.IoctlVCPUTPRAccessReporting, &ctl)
	return explain(err, v.vm, uapi.CapVAPIC, "2.6.25")
}

// SetVAPICAddr says at which guest-physical address the guest keeps the copy of
// its task priority register that KVM uses, and keeps current, at entry and exit.
// 0 ends that.
//
// ioctl: KVM_SET_VAPIC_ADDR (vcpu) · cap: KVM_CAP_VAPIC · arch: x86 · since: Linux 2.6.25 · doc: none
func (v *VCPU) SetVAPICAddr(gpa uint64) error {
	err := vcpuSet(v, uapi.IoctlVCPUSetVAPICAddr, &uapi.VAPICAddr{VAPICAddr: gpa})
	return explain(err, v.vm, uapi.CapVAPIC, "2.6.25")
}
