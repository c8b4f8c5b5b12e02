package kvm

import (
	"errors"
	"syscall"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// Attributes are the same four calls on devices, vCPUs, VMs and the system. KVM
// is told an address and copies as many bytes as the attribute has, whatever
// the caller meant. So it gets memory that ends where value ends, before a page
// that nobody may touch.

type attrCall func(*uapi.DeviceAttr) error

func hasAttr(call attrCall, group uint32, attr uint64) (bool, error) {
	err := call(&uapi.DeviceAttr{Group: group, Attr: attr})
	if errors.Is(err, syscall.ENXIO) {
		return false, nil
	}
	return err == nil, err
}

func getAttr(call attrCall, group uint32, attr uint64, value []byte) error {
	g, err := guarded(value)
	if err != nil {
		return err
	}
	defer g.Free()
	if err := call(&uapi.DeviceAttr{Group: group, Attr: attr, Addr: g.Addr()}); err != nil {
		return err
	}
	copy(value, g.Bytes())
	return nil
}

func setAttr(call attrCall, group uint32, attr uint64, value []byte) error {
	g, err := guarded(value)
	if err != nil {
		return err
	}
	defer g.Free()
	return call(&uapi.DeviceAttr{Group: group, Attr: attr, Addr: g.Addr()})
}

func guarded(value []byte) (*sys.Guarded, error) {
	g, err := sys.NewGuarded(len(value))
	if err != nil {
		return nil, opError(opName("mmap"), err)
	}
	copy(g.Bytes(), value)
	return g, nil
}
