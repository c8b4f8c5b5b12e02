package kvm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// devicePath is where the kernel's KVM is.
const devicePath = "/dev/kvm"

// System is an open /dev/kvm: what can be asked of the host, and where VMs come
// from. It is safe for concurrent use.
type System struct {
	fd fdOf[uapi.SystemIoctl]
	// mmapSize is what KVM answered for the size of a vCPU's memory, which stays
	// the same; 0 before it was asked.
	mmapSize atomic.Int64
}

// Open opens /dev/kvm, read-write and close-on-exec, and refuses a KVM whose API
// version is not 12, the only stable one. Where /dev/kvm is missing or may not
// be opened, the error says what to do and matches fs.ErrNotExist or
// fs.ErrPermission.
func Open() (*System, error) {
	fd, err := sys.OpenFD(devicePath, os.O_RDWR)
	if err != nil {
		return nil, openError(err)
	}
	s := newSystem(fd)
	if err := s.checkVersion(); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func openError(err error) error {
	pathError := &fs.PathError{Op: "open", Path: devicePath, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("kvm: %w: load the module of this processor (modprobe kvm_intel, kvm_amd), switch virtualization on in the firmware, or pass the device into this container", pathError)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("kvm: %w: add this user to the group that owns it (usually kvm) and log in again", pathError)
	case errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO):
		return fmt.Errorf("kvm: %w: the device node is there, but no KVM module is loaded", pathError)
	default:
		return fmt.Errorf("kvm: %w", pathError)
	}
}

// NewSystem takes over a /dev/kvm that is already open, as a process without
// access to the file system gets it from its parent. file is closed, also when
// an error is returned. The API version is checked as in Open.
func NewSystem(file *os.File) (*System, error) {
	if file == nil {
		return nil, invalid("NewSystem: nil file")
	}
	// A duplicate: the number inside file is closed with it, now or by its
	// finalizer.
	fd, err := dupAndClose(file)
	if err != nil {
		return nil, err
	}
	s := newSystem(fd)
	if err := s.checkVersion(); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func dupAndClose(file *os.File) (int, error) {
	defer file.Close()
	conn, err := file.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("kvm: NewSystem: %w", err)
	}
	fd := -1
	var dupErr error
	if err := conn.Control(func(raw uintptr) { fd, dupErr = sys.DupFD(int(raw)) }); err != nil {
		return -1, fmt.Errorf("kvm: NewSystem: %w", err)
	}
	if dupErr != nil {
		return -1, fmt.Errorf("kvm: NewSystem: duplicate %s: %w", file.Name(), dupErr)
	}
	return fd, nil
}

func newSystem(fd int) *System {
	return &System{fd: fdOf[uapi.SystemIoctl]{sys.NewFD(fd, nil)}}
}

func (s *System) checkVersion() error {
	v, err := s.APIVersion()
	if errors.Is(err, syscall.ENOTTY) || errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("%w: what was opened is not KVM's device; %s is character device 10:232 when a KVM module is loaded", err, devicePath)
	}
	if err != nil {
		return err
	}
	if v != uapi.APIVersion {
		return fmt.Errorf("kvm: API version %d, want %d: %w", v, uapi.APIVersion, ErrNotSupported)
	}
	return nil
}

// Close closes /dev/kvm. VMs made from it live on. Closing again does nothing.
func (s *System) Close() error {
	s.fd.Close()
	return nil
}

// APIVersion returns the version of the KVM API: 12 on every kernel since 2.6.22.
//
// ioctl: KVM_GET_API_VERSION (system) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_GET_API_VERSION"
func (s *System) APIVersion() (int, error) {
	return ioctlNumber(s.fd, uapi.IoctlSystemGetAPIVersion, 0)
}

// CheckExtension asks what the host offers of a capability: 0 is no, anything
// else is yes and may mean more (a limit, a set of flags). An error means that
// it could not be asked, which is not a no. The answer of a VM may differ: ask
// that one when there is one.
//
// ioctl: KVM_CHECK_EXTENSION (system) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_CHECK_EXTENSION"
func (s *System) CheckExtension(c uapi.Cap) (int, error) {
	return ioctlBrief(s.fd, uapi.IoctlSystemCheckExtension, uintptr(c))
}

// VCPUMmapSize returns the size in bytes of the memory that a vCPU shares with
// its user: struct kvm_run and what follows it.
//
// ioctl: KVM_GET_VCPU_MMAP_SIZE (system) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_GET_VCPU_MMAP_SIZE"
func (s *System) VCPUMmapSize() (int, error) {
	return ioctlNumber(s.fd, uapi.IoctlSystemGetVCPUMmapSize, 0)
}

// vcpuMmapSize is VCPUMmapSize for each VM, without a system call for each.
func (s *System) vcpuMmapSize() (int, error) {
	if n := s.mmapSize.Load(); n != 0 {
		return int(n), nil
	}
	n, err := s.VCPUMmapSize()
	if err == nil {
		s.mmapSize.Store(int64(n))
	}
	return n, err
}

// CreateVM makes a VM of the architecture's default type, with no memory and no
// vCPUs.
//
// ioctl: KVM_CREATE_VM (system) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_CREATE_VM"
func (s *System) CreateVM() (*VM, error) { return s.CreateVMType(0) }

// CreateVMType makes a VM of the given machine type. The types are the
// architecture's: the size of the guest-physical address space on arm64, HV or
// PR on ppc64le, protected VMs on amd64 and arm64, and so on.
//
// ioctl: KVM_CREATE_VM (system) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_CREATE_VM"
func (s *System) CreateVMType(machineType uint64) (*VM, error) {
	mmapSize, err := s.vcpuMmapSize()
	if err != nil {
		return nil, err
	}
	fd, err := ioctlNumber(s.fd, uapi.IoctlSystemCreateVM, uintptr(machineType))
	if err != nil {
		return nil, err
	}
	vm := newVM(fd, mmapSize)
	vm.machineType, vm.system = machineType, s
	return vm, nil
}
