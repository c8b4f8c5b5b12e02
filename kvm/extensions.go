package kvm

import (
	"errors"
	"syscall"

	"linuxkvm/uapi"
)

// Extension is a capability and what a host or VM says of it: 0 is no, anything
// else is yes and may mean more.
type Extension struct {
	Cap   uapi.Cap
	Value int
}

// Extensions asks the host for every capability that the headers know, those of
// all architectures, in the order of their numbers. What only a VM can answer is
// left out: KVM refuses the question with EINVAL, as arm64's does for
// uapi.CapMSIDevID.
//
// ioctl: KVM_CHECK_EXTENSION (system) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_CHECK_EXTENSION"
func (s *System) Extensions() ([]Extension, error) { return allExtensions(s, syscall.EINVAL) }

// Extensions is [System.Extensions] of one VM.
//
// ioctl: KVM_CHECK_EXTENSION (vm) · cap: KVM_CAP_CHECK_EXTENSION_VM · arch: all · since: Linux 3.14 · doc: virt/kvm/api.rst "KVM_CHECK_EXTENSION"
func (vm *VM) Extensions() ([]Extension, error) { return allExtensions(vm, nil) }

// allExtensions leaves out what asking for fails with the error unanswered.
func allExtensions(of extensions, unanswered error) ([]Extension, error) {
	var list []Extension
	for c := range uapi.Caps() {
		n, err := of.CheckExtension(c)
		if err != nil && errors.Is(err, unanswered) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, Extension{c, n})
	}
	return list, nil
}
