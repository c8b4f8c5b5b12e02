package kvm

import "linuxkvm/uapi"

// S390SKEYs reads the storage keys of guest frames, one byte for each frame of
// 4 KiB from number gfn on, into keys. inUse is false, and keys are unchanged,
// when the guest uses no storage keys.
//
// ioctl: KVM_S390_GET_SKEYS (vm) · cap: KVM_CAP_S390_SKEYS · arch: s390 · since: Linux 4.1 · doc: virt/kvm/api.rst "KVM_S390_GET_SKEYS"
func (vm *VM) S390SKEYs(gfn uint64, keys []byte) (inUse bool, err error) {
	const req = uapi.IoctlVMS390GetSKEYs
	if err := vm.refuseUControl(req); err != nil {
		return false, err
	}
	if len(keys) == 0 {
		return false, invalid("%v: no room for keys", req)
	}
	// A buffer of our own: what KVM has written before it fails is not the
	// caller's.
	found := make([]byte, len(keys))
	status, err := vm.skeys(req, gfn, found)
	if err != nil || status == uapi.S390GetSKEYsNone {
		return false, err
	}
	copy(keys, found)
	return true, nil
}

// S390SetSKEYs sets the storage keys of guest frames, from number gfn on.
//
// ioctl: KVM_S390_SET_SKEYS (vm) · cap: KVM_CAP_S390_SKEYS · arch: s390 · since: Linux 4.1 · doc: virt/kvm/api.rst "KVM_S390_SET_SKEYS"
func (vm *VM) S390SetSKEYs(gfn uint64, keys []byte) error {
	const req = uapi.IoctlVMS390SetSKEYs
	if err := vm.refuseUControl(req); err != nil {
		return err
	}
	if len(keys) == 0 {
		return invalid("%v: no keys", req)
	}
	for i, key := range keys {
		if err := checkSKEY(req.String(), key); err != nil {
			return invalid("frame %d of %d: %w", i, len(keys), err)
		}
	}
	_, err := vm.skeys(req, gfn, keys)
	return err
}

func checkSKEY(op string, key uint8) error {
	if key&1 != 0 {
		return invalid("%s: storage key %#x: its lowest bit must be 0", op, key)
	}
	return nil
}

// skeys reads or sets keys, in as many calls as it takes.
func (vm *VM) skeys(req uapi.VMIoctl, gfn uint64, keys []byte) (status int, err error) {
	for len(keys) > 0 && err == nil && status == 0 {
		part := keys[:min(len(keys), uapi.S390SKEYsMax)]
		err = pinned(part, func(addr uint64) error {
			status, err = vmStatus(vm, req, &uapi.S390SKEYs{StartGFN: gfn, Count: uint64(len(part)), SkeydataAddr: addr})
			return err
		})
		keys = keys[len(part):]
		gfn += uint64(len(part))
	}
	return status, explain(err, vm, uapi.CapS390SKEYs, "4.1")
}

// S390KeyopISKE returns the storage key of the frame at a guest-absolute address.
//
// ioctl: KVM_S390_KEYOP (vm) · cap: KVM_CAP_S390_KEYOP · arch: s390 · since: Linux 7.0 · doc: virt/kvm/api.rst "KVM_S390_KEYOP"
func (vm *VM) S390KeyopISKE(gpa uint64) (key uint8, err error) {
	return vm.keyop(uapi.IoctlVMS390Keyop, uapi.S390KeyopIske, gpa, 0)
}

// S390KeyopRRBE resets the reference bit of the frame, and returns the reference
// and change bits as they were.
//
// ioctl: KVM_S390_KEYOP (vm) · cap: KVM_CAP_S390_KEYOP · arch: s390 · since: Linux 7.0 · doc: virt/kvm/api.rst "KVM_S390_KEYOP"
func (vm *VM) S390KeyopRRBE(gpa uint64) (old uint8, err error) {
	return vm.keyop(uapi.IoctlVMS390Keyop, uapi.S390KeyopRrbe, gpa, 0)
}

// S390KeyopSSKE sets the storage key of the frame, and returns the one before.
//
// ioctl: KVM_S390_KEYOP (vm) · cap: KVM_CAP_S390_KEYOP · arch: s390 · since: Linux 7.0 · doc: virt/kvm/api.rst "KVM_S390_KEYOP"
func (vm *VM) S390KeyopSSKE(gpa uint64, key uint8) (old uint8, err error) {
	if err := checkSKEY("KVM_S390_KEYOP", key); err != nil {
		return 0, err
	}
	return vm.keyop(uapi.IoctlVMS390Keyop, uapi.S390KeyopSske, gpa, key)
}

func (vm *VM) keyop(req uapi.VMIoctl, operation uint8, gpa uint64, key uint8) (uint8, error) {
	if err := vm.refuseUControl(req); err != nil {
		return 0, err
	}
	arg := uapi.S390Keyop{GuestAddr: gpa, Key: key, Operation: operation}
	err := vmSet(vm, req, &arg)
	return arg.Key, explain(err, vm, uapi.CapS390Keyop, "7.0")
}
