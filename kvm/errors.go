package kvm

import (
	"errors"
	"fmt"
	"syscall"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

var (
	// ErrClosed is returned by every call on a closed System, VM, VCPU or
	// Device. It also matches os.ErrClosed.
	ErrClosed = sys.ErrClosed
	// ErrInUse is returned when something else still needs or runs the object:
	// a second Run of a VCPU that is running, for one.
	ErrInUse = sys.ErrInUse
	// ErrNotSupported is matched by every error that says that this host's
	// kernel or processor lacks something. See [UnsupportedError].
	ErrNotSupported = errors.New("not supported by this host")
	// ErrStop is returned by a handler of [VCPU.Loop] to end the loop without
	// an error.
	ErrStop = errors.New("stop the vCPU loop")
	// ErrInvalid is matched by errors about arguments that are refused before
	// the kernel is asked.
	ErrInvalid = errors.New("invalid argument")
)

// Error is a system call that the kernel refused.
type Error struct {
	Op    string        // the ioctl or system call, by its kernel name: "KVM_CREATE_VM"
	Errno syscall.Errno // what the kernel answered
}

func (e *Error) Error() string { return fmt.Sprintf("kvm: %s: %v", e.Op, e.Errno) }

// Unwrap gives the errno to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Errno }

// Is makes ENOTTY, the kernel's answer to an ioctl it does not know, match
// ErrNotSupported.
func (e *Error) Is(target error) bool {
	return target == ErrNotSupported && e.Errno == syscall.ENOTTY
}

// UnsupportedError says which capability is missing and which kernel brings it.
type UnsupportedError struct {
	Cap       uapi.Cap // the capability that CheckExtension denied
	MinKernel string   // first kernel that can have it, such as "5.10"; empty if that is not what decides
}

func (e *UnsupportedError) Error() string {
	s := fmt.Sprintf("kvm: %v: %v", e.Cap, ErrNotSupported)
	if e.MinKernel != "" {
		s += fmt.Sprintf(" (needs Linux %s or newer, and hardware or a module that offers it)", e.MinKernel)
	}
	return s
}

// Is matches ErrNotSupported.
func (e *UnsupportedError) Is(target error) bool { return target == ErrNotSupported }

// opError names the call in an error that came from internal/sys.
func opError(op fmt.Stringer, err error) error {
	var errno syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.As(err, &errno):
		return &Error{Op: op.String(), Errno: errno}
	default:
		return fmt.Errorf("kvm: %v: %w", op, err)
	}
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("kvm: "+format+": %w", append(args, ErrInvalid)...)
}
