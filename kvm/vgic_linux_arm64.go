package kvm

import "linuxkvm/uapi"

// What the interrupt controllers of arm64 have in common.

const vgicV2Page, vgicV3Page = 4 << 10, 64 << 10

// vgicInit has the device set itself up.
func vgicInit(of attributes) error {
	return orderAttr(of, uapi.DevArmVGICGrpCtrl, uapi.DevArmVGICCtrlInit)
}

func vgicNrIRQs(of attributes) (uint32, error) {
	return getAttr[uint32](of, uapi.DevArmVGICGrpNrIRQs, 0)
}

func setVGICNrIRQs(of attributes, n uint32) error {
	if n < 64 || n > 1024 || n%32 != 0 {
		return invalid("a GIC with %d interrupts: want a multiple of 32 from 64 to 1024, the 32 private ones included", n)
	}
	return setAttr(of, uapi.DevArmVGICGrpNrIRQs, 0, n)
}

// vgicReg checks the offset of a register of 32 bits and puts the processor it
// belongs to in front.
func vgicReg(cpu uint64, offset uint32) (uint64, error) {
	return cpu<<uapi.DevArmVGICV3MpidrShift | uint64(offset)<<uapi.DevArmVGICOffsetShift,
		checkAligned("the offset of a GIC's register", uint64(offset), 4)
}

func getVGICReg(of attributes, group uint32, cpu uint64, offset uint32) (uint32, error) {
	attr, err := vgicReg(cpu, offset)
	if err != nil {
		return 0, err
	}
	return getAttr[uint32](of, group, attr)
}

func setVGICReg(of attributes, group uint32, cpu uint64, offset, value uint32) error {
	attr, err := vgicReg(cpu, offset)
	if err != nil {
		return err
	}
	return setAttr(of, group, attr, value)
}

// vgicAffinity packs the four numbers of a processor, out of its MPIDR_EL1, as the
// attributes have them.
func vgicAffinity(mpidr uint64) uint64 {
	const aff0to2 = 0xffffff
	return mpidr&aff0to2 | mpidr>>32&0xff<<24
}
