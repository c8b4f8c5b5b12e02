package kvm

import "linuxkvm/uapi"

// SetExternalInterrupt sets the level of the vCPU's external interrupt line, for
// a VM whose interrupt controller is not in the kernel. Interrupt with
// uapi.InterruptSet is the line that goes low when the guest takes the interrupt.
//
// ioctl: KVM_INTERRUPT (vcpu) · cap: KVM_CAP_PPC_UNSET_IRQ, KVM_CAP_PPC_IRQ_LEVEL · arch: ppc · since: Linux 2.6.37 · doc: virt/kvm/api.rst "KVM_INTERRUPT"
func (v *VCPU) SetExternalInterrupt(high bool) error {
	irq, need := uint32(uapi.InterruptUnset), uapi.CapPPCUnsetIRQ
	if high {
		irq, need = uapi.InterruptSetLevel, uapi.CapPPCIRQLevel
	}
	err := vcpuSet(v, uapi.IoctlVCPUInterrupt, &uapi.Interrupt{IRQ: irq})
	return explain(err, v.vm, need, "2.6.37")
}
