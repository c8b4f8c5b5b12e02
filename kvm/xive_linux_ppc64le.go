package kvm

import "linuxkvm/uapi"

// XIVE is the interrupt controller of a PAPR guest on POWER9 and newer, in the
// kernel. The kernel's document, which has the order of steps that saves and
// restores it, is virt/kvm/devices/xive.rst.
type XIVE struct {
	*Device
	attrs attributes
}

// CreateXIVE makes the VM's interrupt controller.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL, KVM_CAP_PPC_IRQ_XIVE · arch: ppc · since: Linux 5.2 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateXIVE() (*XIVE, error) {
	d, err := vm.CreateDevice(uapi.DevTypeXIVE)
	if err != nil {
		return nil, err
	}
	return &XIVE{d, d}, nil
}

// Reset takes back what sources and queues are configured to.
//
// attr: KVM_DEV_XIVE_GRP_CTRL, KVM_DEV_XIVE_RESET (device) · since: Linux 5.2
func (x *XIVE) Reset() error { return orderAttr(x.attrs, uapi.DevXIVEGrpCtrl, uapi.DevXIVEReset) }

// EQSync waits for what is on its way to the queues, and logs their pages as dirty.
//
// attr: KVM_DEV_XIVE_GRP_CTRL, KVM_DEV_XIVE_EQ_SYNC (device) · since: Linux 5.2
func (x *XIVE) EQSync() error { return orderAttr(x.attrs, uapi.DevXIVEGrpCtrl, uapi.DevXIVEEqSync) }

// SetNrServers sets how many server numbers there are, one more than the highest
// vCPU id, before a vCPU is connected.
//
// attr: KVM_DEV_XIVE_GRP_CTRL, KVM_DEV_XIVE_NR_SERVERS (device) · since: Linux 5.5
func (x *XIVE) SetNrServers(n uint32) error {
	return setAttr(x.attrs, uapi.DevXIVEGrpCtrl, uapi.DevXIVENrServers, n)
}

// EnableIRQXIVE makes the XIVE of the vCPU's VM its interrupt controller, under a
// server number that sources and queues name. It comes before the first Run.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_PPC_IRQ_XIVE · arch: ppc · since: Linux 5.2 · doc: virt/kvm/devices/xive.rst
func (v *VCPU) EnableIRQXIVE(x *XIVE, server uint32) error {
	if x == nil {
		return invalid("KVM_CAP_PPC_IRQ_XIVE: nil XIVE")
	}
	return v.enableController(uapi.CapPPCIRQXIVE, "5.2", x.Device, server)
}

// AddSource makes a source, masked: one of messages, or of a level (an LSI) that is
// asserted or not.
//
// attr: KVM_DEV_XIVE_GRP_SOURCE (device) · since: Linux 5.2
func (x *XIVE) AddSource(number uint64, level, asserted bool) error {
	var v uint64
	if level {
		v |= uapi.XIVELevelSensitive
	}
	if asserted {
		v |= uapi.XIVELevelAsserted
	}
	return setAttr(x.attrs, uapi.DevXIVEGrpSource, number, v)
}

// XIVESource is where a source's interrupts go.
type XIVESource struct {
	Priority uint8  // 0 to 7
	Server   uint32 // of the vCPU, below 1<<29
	Masked   bool
	EISN     uint32 // the number that the guest sees, below 1<<31
}

func (s XIVESource) pack() (uint64, error) {
	queue, err := xiveQueue(s.Server, s.Priority)
	if err != nil {
		return 0, err
	}
	if s.EISN >= 1<<31 {
		return 0, invalid("effective source number %#x has more than 31 bits", s.EISN)
	}
	if s.Masked {
		queue |= uapi.XIVESourceMaskedMask
	}
	return queue | uint64(s.EISN)<<uapi.XIVESourceEisnShift, nil
}

// xiveQueue identifies a queue by its server and its priority, for sources and for
// queues.
func xiveQueue(server uint32, priority uint8) (uint64, error) {
	if server >= 1<<29 || priority > uapi.XIVEEqPriorityMask {
		return 0, invalid("priority %d of server %#x: want 0 to 7 and less than 1<<29", priority, server)
	}
	return uint64(server)<<uapi.XIVEEqServerShift | uint64(priority)<<uapi.XIVEEqPriorityShift, nil
}

// ConfigureSource says where a source's interrupts go.
//
// attr: KVM_DEV_XIVE_GRP_SOURCE_CONFIG (device) · since: Linux 5.2
func (x *XIVE) ConfigureSource(number uint64, s XIVESource) error {
	v, err := s.pack()
	if err != nil {
		return err
	}
	return setAttr(x.attrs, uapi.DevXIVEGrpSourceConfig, number, v)
}

// SyncSource waits for what is on its way from a source.
//
// attr: KVM_DEV_XIVE_GRP_SOURCE_SYNC (device) · since: Linux 5.2
func (x *XIVE) SyncSource(number uint64) error {
	return orderAttr(x.attrs, uapi.DevXIVEGrpSourceSync, number)
}

// EQConfig reads how a server's event queue for a priority is configured. Qaddr is
// a guest-physical address.
//
// attr: KVM_DEV_XIVE_GRP_EQ_CONFIG (device) · since: Linux 5.2
func (x *XIVE) EQConfig(server uint32, priority uint8) (uapi.PPCXIVEEq, error) {
	queue, err := xiveQueue(server, priority)
	if err != nil {
		return uapi.PPCXIVEEq{}, err
	}
	return getAttr[uapi.PPCXIVEEq](x.attrs, uapi.DevXIVEGrpEqConfig, queue)
}

// SetEQConfig configures a server's event queue for a priority. Flags is
// uapi.XIVEEqAlwaysNotify. Qshift is 16, for a queue of 64 KiB, or 0, which takes the
// queue away. The queue has to be in one page of the host's, as it also says with
// EINVAL: where pages have 4 KiB the guest's memory there must be huge pages.
//
// attr: KVM_DEV_XIVE_GRP_EQ_CONFIG (device) · since: Linux 5.2
func (x *XIVE) SetEQConfig(server uint32, priority uint8, eq *uapi.PPCXIVEEq) error {
	queue, err := xiveQueue(server, priority)
	if err != nil {
		return err
	}
	return setAttrFrom(x.attrs, uapi.DevXIVEGrpEqConfig, queue, eq)
}
