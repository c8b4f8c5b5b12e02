package kvm

import (
	"syscall"

	"linuxkvm/uapi"
)

// VFIO tells KVM which devices are passed through to the VM, which some drivers
// want to know, and some processors for the caching of memory. KVM holds what is
// added until it is deleted, or the VM is gone. The kernel's document is
// virt/kvm/devices/vfio.rst.
type VFIO struct {
	*Device
	attrs attributes
}

// CreateVFIO makes the VM's only device of this type.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: all · since: Linux 3.13 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateVFIO() (*VFIO, error) {
	d, err := vm.CreateDevice(uapi.DevTypeVFIO)
	if err != nil {
		return nil, err
	}
	return &VFIO{d, d}, nil
}

// AddFile tells of a VFIO group's or device's file, an *os.File most often, before
// its device is opened or bound. EBADF and EINVAL mean that it is not one, EEXIST
// that it is known. (Files of devices: since Linux 6.6.)
//
// attr: KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_ADD (device) · since: Linux 3.13
func (f *VFIO) AddFile(file syscall.Conn) error { return f.set(uapi.DevVFIOFileAdd, file) }

// DelFile takes a file back; ENOENT means that it was not added.
//
// attr: KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_DEL (device) · since: Linux 3.13
func (f *VFIO) DelFile(file syscall.Conn) error { return f.set(uapi.DevVFIOFileDel, file) }

func (f *VFIO) set(attr uint64, file syscall.Conn) error {
	return withFD(file, func(fd int32) error {
		return setAttr(f.attrs, uapi.DevVFIOFile, attr, fd)
	})
}

// withFD calls do with a file's descriptor, which stays open until do returns.
func withFD(file syscall.Conn, do func(fd int32) error) error {
	if file == nil {
		return invalid("no file")
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return invalid("a file without a descriptor (%v)", err)
	}
	var done error
	if err := conn.Control(func(fd uintptr) { done = do(int32(fd)) }); err != nil {
		return invalid("a file without a descriptor (%v)", err)
	}
	return done
}
