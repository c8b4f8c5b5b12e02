package kvm

import "linuxkvm/uapi"

// XICS is the interrupt controller of a PAPR guest up to POWER8, in the kernel. The
// kernel's document, which also says what a vCPU has to do with it, is
// virt/kvm/devices/xics.rst.
type XICS struct {
	*Device
	attrs attributes
}

// CreateXICS makes the VM's interrupt controller.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: ppc · since: Linux 3.10 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateXICS() (*XICS, error) {
	d, err := vm.CreateDevice(uapi.DevTypeXICS)
	if err != nil {
		return nil, err
	}
	return &XICS{d, d}, nil
}

// SetNrServers sets how many server numbers there are, one more than the highest
// vCPU id, before a vCPU is connected. ENXIO is the answer where nothing depends on
// it: on hosts before POWER9, and on those that are guests.
//
// attr: KVM_DEV_XICS_GRP_CTRL, KVM_DEV_XICS_NR_SERVERS (device) · since: Linux 5.5
func (x *XICS) SetNrServers(n uint32) error {
	return setAttr(x.attrs, uapi.DevXICSGrpCtrl, uapi.DevXICSNrServers, n)
}

// EnableIRQXICS makes the XICS of the vCPU's VM its interrupt controller, under a
// server number that sources name. It comes before the first Run.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_IRQ_XICS · arch: ppc · since: Linux 3.10 · doc: virt/kvm/api.rst "KVM_CAP_IRQ_XICS"
func (v *VCPU) EnableIRQXICS(x *XICS, server uint32) error {
	if x == nil {
		return invalid("KVM_CAP_IRQ_XICS: nil XICS")
	}
	return v.enableController(uapi.CapIRQXICS, "3.10", x.Device, server)
}

func (v *VCPU) enableController(c uapi.Cap, since string, d *Device, server uint32) error {
	fd, ok := d.f().Acquire()
	if !ok {
		return opError(uapi.IoctlVCPUEnableCap, ErrClosed)
	}
	defer d.f().Release()
	return v.enable(c, since, uint64(fd), uint64(server))
}

// XICSSource is the state of an interrupt source.
type XICSSource struct {
	Server         uint32 // the server number of the vCPU it goes to
	Priority       uint8  // 0 is the highest, 255 never
	LevelSensitive bool
	Masked         bool
	Pending        bool
	Presented      bool
	Queued         bool
}

// flags are the bits of the state.
func (s *XICSSource) flags() map[uint64]*bool {
	return map[uint64]*bool{
		uapi.XICSLevelSensitive: &s.LevelSensitive, uapi.XICSMasked: &s.Masked, uapi.XICSPending: &s.Pending,
		uapi.XICSPresented: &s.Presented, uapi.XICSQueued: &s.Queued,
	}
}

func (s XICSSource) pack() uint64 {
	v := uint64(s.Server)<<uapi.XICSDestinationShift | uint64(s.Priority)<<uapi.XICSPriorityShift
	for bit, on := range s.flags() {
		if *on {
			v |= bit
		}
	}
	return v
}

func unpackXICSSource(v uint64) XICSSource {
	s := XICSSource{
		Server:   uint32(v >> uapi.XICSDestinationShift & uapi.XICSDestinationMask),
		Priority: uint8(v >> uapi.XICSPriorityShift & uapi.XICSPriorityMask),
	}
	for bit, on := range s.flags() {
		*on = v&bit != 0
	}
	return s
}

// Source reads the state of a source, by its number of 20 bits, from 16 on.
//
// attr: KVM_DEV_XICS_GRP_SOURCES (device) · since: Linux 3.10
func (x *XICS) Source(number uint32) (XICSSource, error) {
	if err := checkXICSSource(number); err != nil {
		return XICSSource{}, err
	}
	v, err := getAttr[uint64](x.attrs, uapi.DevXICSGrpSources, uint64(number))
	return unpackXICSSource(v), err
}

// SetSource makes a source, or sets its state.
//
// attr: KVM_DEV_XICS_GRP_SOURCES (device) · since: Linux 3.10
func (x *XICS) SetSource(number uint32, s XICSSource) error {
	if err := checkXICSSource(number); err != nil {
		return err
	}
	return setAttr(x.attrs, uapi.DevXICSGrpSources, uint64(number), s.pack())
}

func checkXICSSource(number uint32) error {
	return checkRange("an XICS source's number", number, 16, 1<<20-1)
}
