package kvm

import "linuxkvm/uapi"

// RISCVAIA is an interrupt controller of the Advanced Interrupt Architecture in the
// kernel: an APLIC for wires and an IMSIC for the messages of every hart. First it
// is configured and its addresses are set, then, when there are all vCPUs, Init is
// called. The facts are those of the header asm/kvm.h.
type RISCVAIA struct {
	*Device
	attrs attributes
}

// CreateRISCVAIA makes the VM's interrupt controller. ENODEV means that the host
// has none of this architecture.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: riscv · since: Linux 6.5 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateRISCVAIA() (*RISCVAIA, error) {
	d, err := vm.CreateDevice(uapi.DevTypeRISCVAIA)
	if err != nil {
		return nil, err
	}
	return &RISCVAIA{d, d}, nil
}

// RISCVAIAConfig is a number that configures the controller.
type RISCVAIAConfig uint64

// The numbers.
const (
	RISCVAIAMode       RISCVAIAConfig = uapi.DevRISCVAIAConfigMode       // uapi.DevRISCVAIAModeEmul, ModeHwaccel or ModeAuto
	RISCVAIAIDs        RISCVAIAConfig = uapi.DevRISCVAIAConfigIDs        // messages of a hart: 63 to 2047, by 64
	RISCVAIASrcs       RISCVAIAConfig = uapi.DevRISCVAIAConfigSrcs       // wires of the APLIC, up to 1023
	RISCVAIAGroupBits  RISCVAIAConfig = uapi.DevRISCVAIAConfigGroupBits  // bits of a group's number, up to 7
	RISCVAIAGroupShift RISCVAIAConfig = uapi.DevRISCVAIAConfigGroupShift // where they are in an IMSIC's address: 24 to 55
	RISCVAIAHartBits   RISCVAIAConfig = uapi.DevRISCVAIAConfigHartBits   // bits of a hart's number in its group, up to 15
	RISCVAIAGuestBits  RISCVAIAConfig = uapi.DevRISCVAIAConfigGuestBits  // bits of a guest's number, up to 7
)

// limits are the smallest and the largest value.
func (c RISCVAIAConfig) limits() (low, high uint32) {
	switch c {
	case RISCVAIAMode:
		return 0, uapi.DevRISCVAIAModeAuto
	case RISCVAIAIDs:
		return uapi.DevRISCVAIAIDsMin, uapi.DevRISCVAIAIDsMax - 1
	case RISCVAIASrcs:
		return 0, uapi.DevRISCVAIASrcsMax - 1
	case RISCVAIAGroupBits:
		return 0, uapi.DevRISCVAIAGroupBitsMax - 1
	case RISCVAIAGroupShift:
		return uapi.DevRISCVAIAGroupShiftMin, uapi.DevRISCVAIAGroupShiftMax - 1
	case RISCVAIAHartBits:
		return 0, uapi.DevRISCVAIAHartBitsMax - 1
	case RISCVAIAGuestBits:
		return 0, uapi.DevRISCVAIAGuestBitsMax - 1
	}
	return 0, 1<<32 - 1
}

// Config returns one of the numbers that configure the controller.
//
// attr: KVM_DEV_RISCV_AIA_GRP_CONFIG (device) · since: Linux 6.5
func (a *RISCVAIA) Config(c RISCVAIAConfig) (uint32, error) {
	return getAttr[uint32](a.attrs, uapi.DevRISCVAIAGrpConfig, uint64(c))
}

// SetConfig sets one of the numbers that configure the controller, before Init.
//
// attr: KVM_DEV_RISCV_AIA_GRP_CONFIG (device) · since: Linux 6.5
func (a *RISCVAIA) SetConfig(c RISCVAIAConfig, value uint32) error {
	low, high := c.limits()
	if value < low || value > high || c == RISCVAIAIDs && value&63 != 63 {
		return invalid("AIA: number %d is %d: want %d to %d, for identities one less than a multiple of 64", uint64(c), value, low, high)
	}
	return setAttr(a.attrs, uapi.DevRISCVAIAGrpConfig, uint64(c), value)
}

// APLICAddr returns the guest-physical address of the APLIC.
//
// attr: KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_APLIC (device) · since: Linux 6.5
func (a *RISCVAIA) APLICAddr() (uint64, error) {
	return getAttr[uint64](a.attrs, uapi.DevRISCVAIAGrpAddr, uapi.DevRISCVAIAAddrAPLIC)
}

// SetAPLICAddr places the APLIC, 16 KiB that are aligned to 4 KiB, before Init.
//
// attr: KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_APLIC (device) · since: Linux 6.5
func (a *RISCVAIA) SetAPLICAddr(gpa uint64) error {
	return setAligned(a.attrs, uapi.DevRISCVAIAGrpAddr, uapi.DevRISCVAIAAddrAPLIC, "the address of an APLIC", gpa, uapi.DevRISCVAPLICAlign)
}

// IMSICAddr returns the guest-physical address of a vCPU's IMSIC, by its index.
//
// attr: KVM_DEV_RISCV_AIA_GRP_ADDR (device) · since: Linux 6.5
func (a *RISCVAIA) IMSICAddr(vcpu int) (uint64, error) {
	attr, err := imsicAddr(vcpu)
	if err != nil {
		return 0, err
	}
	return getAttr[uint64](a.attrs, uapi.DevRISCVAIAGrpAddr, attr)
}

// SetIMSICAddr places a vCPU's IMSIC, 4 KiB that are aligned for every file of
// interrupts, before Init. What the numbers of the configuration say about its
// place has to hold.
//
// attr: KVM_DEV_RISCV_AIA_GRP_ADDR (device) · since: Linux 6.5
func (a *RISCVAIA) SetIMSICAddr(vcpu int, gpa uint64) error {
	attr, err := imsicAddr(vcpu)
	if err != nil {
		return err
	}
	return setAligned(a.attrs, uapi.DevRISCVAIAGrpAddr, attr, "the address of an IMSIC", gpa, uapi.DevRISCVIMSICAlign)
}

// imsicAddr comes after the APLIC's.
func imsicAddr(vcpu int) (uint64, error) {
	return uapi.DevRISCVAIAAddrAPLIC + 1 + uint64(vcpu), checkRange("a vCPU's index", vcpu, 0, uapi.DevRISCVAIAAddrMax-2)
}

// Init sets the controller up.
//
// attr: KVM_DEV_RISCV_AIA_GRP_CTRL, KVM_DEV_RISCV_AIA_CTRL_INIT (device) · since: Linux 6.5
func (a *RISCVAIA) Init() error {
	return orderAttr(a.attrs, uapi.DevRISCVAIAGrpCtrl, uapi.DevRISCVAIACtrlInit)
}

// APLICReg reads a register of the APLIC, at a byte offset.
//
// attr: KVM_DEV_RISCV_AIA_GRP_APLIC (device) · since: Linux 6.5
func (a *RISCVAIA) APLICReg(offset uint32) (uint32, error) {
	if err := checkAPLICOffset(offset); err != nil {
		return 0, err
	}
	return getAttr[uint32](a.attrs, uapi.DevRISCVAIAGrpAPLIC, uint64(offset))
}

// SetAPLICReg writes a register of the APLIC.
//
// attr: KVM_DEV_RISCV_AIA_GRP_APLIC (device) · since: Linux 6.5
func (a *RISCVAIA) SetAPLICReg(offset, value uint32) error {
	if err := checkAPLICOffset(offset); err != nil {
		return err
	}
	return setAttr(a.attrs, uapi.DevRISCVAIAGrpAPLIC, uint64(offset), value)
}

func checkAPLICOffset(offset uint32) error {
	if offset%4 != 0 || offset >= uapi.DevRISCVAPLICSize {
		return invalid("the offset of an APLIC's register %#x: want a multiple of 4 below %#x", offset, uapi.DevRISCVAPLICSize)
	}
	return nil
}

// IMSICReg reads a register of a vCPU's IMSIC, by its number for siselect, 0x70 to
// 0xff.
//
// attr: KVM_DEV_RISCV_AIA_GRP_IMSIC (device) · since: Linux 6.5
func (a *RISCVAIA) IMSICReg(vcpu, isel int) (uint64, error) {
	attr, err := imsicReg(vcpu, isel)
	if err != nil {
		return 0, err
	}
	return getAttr[uint64](a.attrs, uapi.DevRISCVAIAGrpIMSIC, attr)
}

// SetIMSICReg writes a register of a vCPU's IMSIC.
//
// attr: KVM_DEV_RISCV_AIA_GRP_IMSIC (device) · since: Linux 6.5
func (a *RISCVAIA) SetIMSICReg(vcpu, isel int, value uint64) error {
	attr, err := imsicReg(vcpu, isel)
	if err != nil {
		return err
	}
	return setAttr(a.attrs, uapi.DevRISCVAIAGrpIMSIC, attr, value)
}

// imsicReg is what KVM_DEV_RISCV_AIA_IMSIC_MKATTR makes.
func imsicReg(vcpu, isel int) (uint64, error) {
	if vcpu < 0 || vcpu >= uapi.DevRISCVAPLICMaxHarts || isel < 0x70 || isel > 0xff {
		return 0, invalid("register %#x of the IMSIC of vCPU %d: want 0x70 to 0xff, and a vCPU below %d", isel, vcpu, uapi.DevRISCVAPLICMaxHarts)
	}
	return uint64(vcpu)<<uapi.DevRISCVAIAIMSICIselBits | uint64(isel)&uapi.DevRISCVAIAIMSICIselMask, nil
}
