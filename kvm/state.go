package kvm

import (
	"errors"

	"linuxkvm/uapi"
)

// The helpers here are what most methods are made of.

func vcpuGet[T any](v *VCPU, req uapi.VCPUIoctl) (T, error) {
	var state T
	_, err := ioctlStruct(v.c().fd, req, &state)
	return state, err
}

func vcpuSet[T any](v *VCPU, req uapi.VCPUIoctl, state *T) error {
	_, err := ioctlStruct(v.c().fd, req, state)
	return err
}

func vcpuNumber(v *VCPU, req uapi.VCPUIoctl, arg uintptr) (int, error) {
	n, err := ioctlNumber(v.c().fd, req, arg)
	return n, err
}

func vmGet[T any](vm *VM, req uapi.VMIoctl) (T, error) {
	var state T
	_, err := ioctlStruct(vm.c().fd, req, &state)
	return state, err
}

func vmSet[T any](vm *VM, req uapi.VMIoctl, state *T) error {
	_, err := ioctlStruct(vm.c().fd, req, state)
	return err
}

// vmStatus is vmSet for a call whose result says something.
func vmStatus[T any](vm *VM, req uapi.VMIoctl, state *T) (int, error) {
	n, err := ioctlStruct(vm.c().fd, req, state)
	return n, err
}

func vmNumber(vm *VM, req uapi.VMIoctl, arg uintptr) (int, error) {
	n, err := ioctlNumber(vm.c().fd, req, arg)
	return n, err
}

// extensions is whoever can be asked for capabilities: a System or a VM.
type extensions interface {
	CheckExtension(uapi.Cap) (int, error)
}

// explain makes a failure that comes from a missing capability say so. The
// capability is asked for only then, so that what works costs one call. What did
// not get as far as the kernel fails for its own reason.
func explain(err error, of extensions, c uapi.Cap, minKernel string) error {
	if err == nil || errors.Is(err, ErrInvalid) || errors.Is(err, ErrClosed) {
		return err
	}
	if n, e := of.CheckExtension(c); e == nil && n == 0 {
		return &UnsupportedError{Cap: c, MinKernel: minKernel}
	}
	return err
}
