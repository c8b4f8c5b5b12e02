//go:build !arm64 && !s390x

package kvm

import "linuxkvm/uapi"

// Interrupt queues an external interrupt, for a vCPU without an in-kernel
// interrupt controller. On amd64 the number is a vector: it takes the place of one
// that is queued and not yet delivered, so look at ReadyForInterruptInjection in
// the run state first; with the local APIC in the kernel it is refused with EEXIST
// instead, and with the PICs there too with ENXIO. On the other architectures the
// number is the architecture's own, and some can also take an interrupt back.
//
// ioctl: KVM_INTERRUPT (vcpu) · cap: basic · arch: x86, ppc, mips, riscv, loongarch · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_INTERRUPT"
func (v *VCPU) Interrupt(irq uint32) error {
	return vcpuSet(v, uapi.IoctlVCPUInterrupt, &uapi.Interrupt{IRQ: irq})
}
