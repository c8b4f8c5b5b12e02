package kvm

import "linuxkvm/uapi"

// Extension is a capability and what a host or VM says of it: 0 is no, anything
// else is yes and may mean more.
type Extension struct {
	Cap   uapi.Cap
	Value int
}

// Extensions asks the host for every capability that the headers know, those of
// all architectures, in the order of their numbers.
//
// ioctl: KVM_CHECK_EXTENSION (system) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_CHECK_EXTENSION"
func (s *System) Extensions() ([]Extension, error) { return allExtensions(s) }

// Extensions is [System.Extensions] of one VM.
//
// ioctl: KVM_CHECK_EXTENSION (vm) · cap: KVM_CAP_CHECK_EXTENSION_VM · arch: all · since: Linux 3.14 · doc: virt/kvm/api.rst "KVM_CHECK_EXTENSION"
func (vm *VM) Extensions() ([]Extension, error) { return allExtensions(vm) }

func allExtensions(of extensions) ([]Extension, error) {
	var list []Extension
	for c := range uapi.Caps() {
		n, err := of.CheckExtension(c)
		if err != nil {
			return nil, err
		}
		list = append(list, Extension{c, n})
	}
	return list, nil
}
