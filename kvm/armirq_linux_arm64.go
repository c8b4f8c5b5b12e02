package kvm

import "linuxkvm/uapi"

// ArmIRQSPI is what [VM.IRQLine] takes for a shared interrupt of the in-kernel
// interrupt controller, by its INTID, 32 to 1019.
func ArmIRQSPI(intid int) (uint32, error) {
	if err := checkRange("an SPI's INTID", intid, 32, 1019); err != nil {
		return 0, err
	}
	return armIRQ(uapi.ArmIRQTypeSPI, 0, uint32(intid)), nil
}

// ArmIRQPPI is what [VM.IRQLine] takes for a private interrupt of a vCPU, by its
// index, up to 4095, and its INTID, 16 to 31. (On a GICv5, whose private interrupts
// are numbered from 0, up to 127.)
func ArmIRQPPI(vcpu, intid int) (uint32, error) {
	if err := checkRange("a PPI's INTID", intid, 0, 127); err != nil {
		return 0, err
	}
	return armVCPUIRQ(uapi.ArmIRQTypePPI, vcpu, uint32(intid))
}

// ArmIRQCPU is what [VM.IRQLine] takes for the IRQ, or the FIQ, line of a vCPU
// whose interrupt controller is not in the kernel.
func ArmIRQCPU(vcpu int, fiq bool) (uint32, error) {
	line := uint32(uapi.ArmIRQCPUIRQ)
	if fiq {
		line = uapi.ArmIRQCPUFIQ
	}
	return armVCPUIRQ(uapi.ArmIRQTypeCPU, vcpu, line)
}

func armVCPUIRQ(kind uint32, vcpu int, number uint32) (uint32, error) {
	const high = (uapi.ArmIRQVCPU2Mask+1)*(uapi.ArmIRQVCPUMask+1) - 1 // from 256 on: KVM_CAP_ARM_IRQ_LINE_LAYOUT_2
	if err := checkRange("a vCPU's index", vcpu, 0, high); err != nil {
		return 0, err
	}
	return armIRQ(kind, uint32(vcpu), number), nil
}

// armIRQ packs the kind of line, the vCPU, whose upper bits have a field of their
// own, and the number.
func armIRQ(kind, vcpu, number uint32) uint32 {
	const high = uapi.ArmIRQVCPUMask + 1
	return vcpu/high&uapi.ArmIRQVCPU2Mask<<uapi.ArmIRQVCPU2Shift |
		kind&uapi.ArmIRQTypeMask<<uapi.ArmIRQTypeShift |
		vcpu&uapi.ArmIRQVCPUMask<<uapi.ArmIRQVCPUShift |
		number&uapi.ArmIRQNumMask<<uapi.ArmIRQNumShift
}
