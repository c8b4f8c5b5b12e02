package kvm

import "linuxkvm/uapi"

// S390CMMALog is a run of collaborative memory management values, one byte for
// each guest frame of 4 KiB.
type S390CMMALog struct {
	StartGFN  uint64 // the number of the first frame
	Values    []byte
	Remaining uint64 // how many values that changed are still to be fetched
}

// S390CMMABits returns the next run of values that changed since they were last
// fetched, at frame start or later, at most n of them: none when there are none.
// It is for a VM in migration mode (uapi.S390VMMigrationStart), and ends with
// values that did not change only where more follow that did.
//
// ioctl: KVM_S390_GET_CMMA_BITS (vm) · cap: KVM_CAP_S390_CMMA_MIGRATION · arch: s390 · since: Linux 4.13 · doc: virt/kvm/api.rst "KVM_S390_GET_CMMA_BITS"
func (vm *VM) S390CMMABits(start uint64, n int) (S390CMMALog, error) {
	return vm.cmma(uapi.IoctlVMS390GetCMMABits, start, n, 0)
}

// S390CMMAPeek returns the values of n frames from start on, fewer at the end of
// memory, and does not count them as fetched.
//
// ioctl: KVM_S390_GET_CMMA_BITS (vm) · cap: KVM_CAP_S390_CMMA_MIGRATION · arch: s390 · since: Linux 4.13 · doc: virt/kvm/api.rst "KVM_S390_GET_CMMA_BITS"
func (vm *VM) S390CMMAPeek(start uint64, n int) (S390CMMALog, error) {
	return vm.cmma(uapi.IoctlVMS390GetCMMABits, start, n, uapi.S390CMMAPeek)
}

func (vm *VM) cmma(req uapi.VMIoctl, start uint64, n int, flags uint32) (S390CMMALog, error) {
	if err := vm.refuseUControl(req); err != nil {
		return S390CMMALog{}, err
	}
	if n <= 0 {
		return S390CMMALog{}, invalid("%v: %d values: want 1 or more", req, n)
	}
	values := make([]byte, min(n, uapi.S390SKEYsMax)) // KVM gives no more
	arg := uapi.S390CMMALog{StartGFN: start, Count: uint32(len(values)), Flags: flags}
	err := pinned(values, func(addr uint64) error {
		arg.Values = addr
		return vmSet(vm, req, &arg)
	})
	if err != nil {
		return S390CMMALog{}, explain(err, vm, uapi.CapS390CMMAMigration, "4.13")
	}
	return S390CMMALog{
		StartGFN: arg.StartGFN, Values: values[:min(int(arg.Count), len(values))], Remaining: arg.Remaining,
	}, nil
}

// S390SetCMMABits sets those bits of the values of guest frames, from number start
// on, that are set in mask.
//
// ioctl: KVM_S390_SET_CMMA_BITS (vm) · cap: KVM_CAP_S390_CMMA_MIGRATION · arch: s390 · since: Linux 4.13 · doc: virt/kvm/api.rst "KVM_S390_SET_CMMA_BITS"
func (vm *VM) S390SetCMMABits(start, mask uint64, values []byte) error {
	const req = uapi.IoctlVMS390SetCMMABits
	if err := vm.refuseUControl(req); err != nil {
		return err
	}
	for len(values) > 0 {
		part := values[:min(len(values), uapi.S390SKEYsMax)]
		arg := uapi.S390CMMALog{StartGFN: start, Count: uint32(len(part))}
		*arg.Mask() = mask
		err := pinned(part, func(addr uint64) error {
			arg.Values = addr
			return vmSet(vm, req, &arg)
		})
		if err != nil {
			return explain(err, vm, uapi.CapS390CMMAMigration, "4.13")
		}
		values = values[len(part):]
		start += uint64(len(part))
	}
	return nil
}
