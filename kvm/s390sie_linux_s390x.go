package kvm

import "linuxkvm/uapi"

// S390EnableSIE prepares this process's address space for guests, as the first
// CreateVM does too.
//
// ioctl: KVM_S390_ENABLE_SIE (system) · cap: basic · arch: s390 · since: Linux 2.6.26 · doc: none
func (s *System) S390EnableSIE() error {
	_, err := ioctlNumber(s.fd, uapi.IoctlSystemS390EnableSIE, 0)
	return err
}
