package kvm

import "linuxkvm/uapi"

// VGICV3 is an interrupt controller of the type GICv3 in the kernel. First its
// addresses are set, then, when there are all vCPUs, Init is called. The kernel's
// document is virt/kvm/devices/arm-vgic-v3.rst.
//
// Where a method takes an mpidr, that is the value of the vCPU's MPIDR_EL1
// (uapi.RegArm64SysregMPIDREL1). Registers cannot be had while a vCPU runs: EBUSY.
type VGICV3 struct {
	*Device
	attrs attributes
}

// CreateVGICV3 makes the VM's interrupt controller, one of either version. ENODEV
// means that the host has no GICv3 itself.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: arm64 · since: Linux 4.0 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateVGICV3() (*VGICV3, error) {
	d, err := vm.CreateDevice(uapi.DevTypeArmVGICV3)
	if err != nil {
		return nil, err
	}
	return &VGICV3{d, d}, nil
}

// DistAddr returns the guest-physical address of the distributor.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST (device) · since: Linux 4.0
func (g *VGICV3) DistAddr() (uint64, error) {
	return getAttr[uint64](g.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICV3AddrTypeDist)
}

// SetDistAddr places the distributor, 64 KiB that are aligned.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST (device) · since: Linux 4.0
func (g *VGICV3) SetDistAddr(gpa uint64) error {
	return setAligned(g.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICV3AddrTypeDist, "the address of a GICv3's distributor", gpa, vgicV3Page)
}

// RedistAddr returns the guest-physical address of the redistributors.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST (device) · since: Linux 4.0
func (g *VGICV3) RedistAddr() (uint64, error) {
	return getAttr[uint64](g.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICV3AddrTypeRedist)
}

// SetRedistAddr places the redistributors of all vCPUs one after another, 128 KiB
// each, aligned to 64 KiB. [VGICV3.AddRedistRegion] is for more than one place.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST (device) · since: Linux 4.0
func (g *VGICV3) SetRedistAddr(gpa uint64) error {
	return setAligned(g.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICV3AddrTypeRedist, "the address of a GICv3's redistributors", gpa, vgicV3Page)
}

// RedistRegion is a place for redistributors, 128 KiB each. Regions are filled in
// the order of their indexes.
type RedistRegion struct {
	Index uint16 // from 0 on, up to 4095
	Count uint16 // of redistributors, from 1 to 4095
	Base  uint64 // guest-physical address, a multiple of 64 KiB below 1<<52
}

// pack makes the attribute's value: index, base and count.
func (r RedistRegion) pack() (uint64, error) {
	const high = 1<<12 - 1
	if r.Index > high || r.Count == 0 || r.Count > high || r.Base >= 1<<52 {
		return 0, invalid("redistributor region %d of %d at %#x: want an index up to %d, a count of 1 to %d and a base below 1<<52",
			r.Index, r.Count, r.Base, high, high)
	}
	return uint64(r.Count)<<52 | r.Base | uint64(r.Index), checkAligned("the base of a redistributor region", r.Base, vgicV3Page)
}

func unpackRedistRegion(v uint64) RedistRegion {
	return RedistRegion{Index: uint16(v & 0xfff), Count: uint16(v >> 52), Base: v & (1<<52 - vgicV3Page)}
}

// AddRedistRegion adds a place for redistributors, the next in the order of
// indexes. There is either this or SetRedistAddr.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION (device) · since: Linux 4.18
func (g *VGICV3) AddRedistRegion(r RedistRegion) error {
	v, err := r.pack()
	if err != nil {
		return err
	}
	return setAttr(g.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICV3AddrTypeRedistRegion, v)
}

// RedistRegion returns a place for redistributors by its index, up to 4095; ENOENT
// means that there is none with that.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION (device) · since: Linux 4.18
func (g *VGICV3) RedistRegion(index uint16) (RedistRegion, error) {
	if err := checkRange("the index of a redistributor region", int(index), 0, 1<<12-1); err != nil {
		return RedistRegion{}, err
	}
	v := uint64(index) // the question is where the answer will be
	err := there(g.attrs).Attr(uapi.DevArmVGICGrpAddr, uapi.VGICV3AddrTypeRedistRegion, bytesOf(&v))
	return unpackRedistRegion(v), err
}

// NrIRQs returns how many interrupts there are.
//
// attr: KVM_DEV_ARM_VGIC_GRP_NR_IRQS (device) · since: Linux 4.0
func (g *VGICV3) NrIRQs() (uint32, error) { return vgicNrIRQs(g.attrs) }

// SetNrIRQs sets how many interrupts there are, private ones included: 64 to 1024,
// by 32. EBUSY means that it is set.
//
// attr: KVM_DEV_ARM_VGIC_GRP_NR_IRQS (device) · since: Linux 4.0
func (g *VGICV3) SetNrIRQs(n uint32) error { return setVGICNrIRQs(g.attrs, n) }

// Init sets the controller up, when it has its addresses and there are all vCPUs.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT (device) · since: Linux 4.0
func (g *VGICV3) Init() error { return vgicInit(g.attrs) }

// SavePendingTables writes the pending bits of LPIs to the tables in guest memory.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES (device) · since: Linux 4.13
func (g *VGICV3) SavePendingTables() error {
	return orderAttr(g.attrs, uapi.DevArmVGICGrpCtrl, uapi.DevArmVGICSavePendingTables)
}

// MaintIRQ returns the INTID of the maintenance interrupt of nested guests.
//
// attr: KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ (device) · since: Linux 6.15
func (g *VGICV3) MaintIRQ() (uint32, error) {
	return getAttr[uint32](g.attrs, uapi.DevArmVGICGrpMaintIRQ, 0)
}

// SetMaintIRQ sets the INTID of the maintenance interrupt of nested guests, a
// private one: 16 to 31.
//
// attr: KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ (device) · since: Linux 6.15
func (g *VGICV3) SetMaintIRQ(intid uint32) error {
	if err := checkRange("the INTID of the maintenance interrupt", intid, 16, 31); err != nil {
		return err
	}
	return setAttr(g.attrs, uapi.DevArmVGICGrpMaintIRQ, 0, intid)
}
