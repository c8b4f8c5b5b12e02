//go:build amd64 || arm64 || riscv64

package kvm

import (
	"fmt"
	"runtime"
	"syscall"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// StateVersion is the version of [VCPUState] and [VMState], and of their encoding,
// that this package makes. It takes no other one.
const StateVersion = 1

// StateHeader is what a state says of itself.
type StateHeader struct {
	Version uint32 // StateVersion
	Arch    string // runtime.GOARCH of the host that it is from
}

func newStateHeader() StateHeader { return StateHeader{Version: StateVersion, Arch: runtime.GOARCH} }

func (h *StateHeader) check() error {
	if h.Version != StateVersion {
		return &StateError{Part: "version", Reason: fmt.Sprintf("it is %d, and this package takes %d", h.Version, StateVersion), Err: ErrInvalid}
	}
	if h.Arch != runtime.GOARCH {
		return &StateError{Part: "architecture", Reason: fmt.Sprintf("the state is from %q, and this host is %s", h.Arch, runtime.GOARCH), Err: ErrInvalid}
	}
	return nil
}

// StateError says which part of a state cannot be read, or not be restored where it
// was to be.
type StateError struct {
	Part   string // "MSR 0x10a", "CPUID leaf 0x7.0 EBX bit 16", "register SCTLR_EL1"
	Reason string
	// Lacks is true for what this host's processor or KVM does not have; such an
	// error is ErrNotSupported.
	Lacks bool
	Err   error // the kernel's answer or ErrInvalid; nil if there is none
}

func (e *StateError) Error() string {
	s := "kvm: state: " + e.Part + ": " + e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the kernel's answer to errors.Is and errors.As.
func (e *StateError) Unwrap() error { return e.Err }

// Is matches ErrNotSupported when the host lacks something.
func (e *StateError) Is(target error) bool { return target == ErrNotSupported && e.Lacks }

// lacks is the error for a part that this host does not have.
func lacks(err error, part, format string, args ...any) error {
	return &StateError{Part: part, Reason: fmt.Sprintf(format, args...), Lacks: true, Err: err}
}

// differs is the error for a VM or vCPU that is not made like the one that was saved.
func differs(part, format string, args ...any) error {
	return &StateError{Part: part, Reason: fmt.Sprintf(format, args...), Err: ErrInvalid}
}

// inState names the part at which a step of saving or restoring failed.
func inState(part string, err error) error {
	if err == nil {
		return nil
	}
	return &StateError{Part: part, Reason: "KVM does not take or give it", Err: err}
}

// PendingExitError says that a vCPU cannot be saved yet: completing its last exit led
// to another one, which the caller has to handle like any other. Then SaveState is
// called again.
type PendingExitError struct{ Exit Exit }

func (e *PendingExitError) Error() string {
	return fmt.Sprintf("kvm: SaveState: the instruction that the vCPU exited for goes on with %v: handle that exit, and save again", e.Exit.Reason())
}

// SaveState returns everything that KVM holds of the vCPU. Nobody may be running it
// (ErrInUse, also from a handler of Loop). What its last exit asked for has to be
// done, data for a read included: KVM completes that first, as on a kick, and if
// that takes one more exit the error is a *PendingExitError.
//
// A whole VM is saved in this order, with all of its vCPUs out of the guest:
// [VM.SaveState], SaveState of each vCPU, and then guest RAM by the caller, as the
// steps before may write to it. It is restored into a VM that the caller makes and
// configures as the first one: RAM, then RestoreState of each vCPU in the order
// of their creation, then [VM.RestoreState].
//
// It is many ioctls: on amd64 KVM_GET_MP_STATE, GET_VCPU_EVENTS, GET_REGS, GET_SREGS,
// GET_SREGS2, GET_XCRS, GET_XSAVE, GET_XSAVE2, GET_DEBUGREGS, GET_LAPIC, GET_TSC_KHZ,
// GET_CPUID2, GET_MSRS and GET_NESTED_STATE, KVM_XEN_VCPU_GET_ATTR, and the TSC
// offset's attribute; on arm64 and riscv64 KVM_GET_REG_LIST, KVM_GET_ONE_REG and
// KVM_GET_MP_STATE, and KVM_GET_VCPU_EVENTS on arm64.
func (v *VCPU) SaveState() (*VCPUState, error) {
	s := &VCPUState{StateHeader: newStateHeader(), ID: uint32(v.id)}
	err := v.atRest("SaveState", func(pending Exit) error {
		if pending.core != nil {
			return &PendingExitError{pending}
		}
		return v.saveState(s)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// RestoreState makes the vCPU what it was when s was saved. The vCPU is one with the
// same id, and configured in the same way before: see [VCPU.SaveState], which also
// has the order. Guest RAM comes first: KVM reads and writes some of it.
//
// What this host or this vCPU cannot take is a *StateError that names it; the vCPU
// is then to be closed, as part of the state may be there. Nobody may be running
// the vCPU (ErrInUse).
//
// The guest's clocks go on from where they stopped.
//
// It is the ioctls that SET what those of SaveState GET, in the order that the
// kernel wants.
func (v *VCPU) RestoreState(s *VCPUState) error {
	if s == nil {
		return invalid("RestoreState: nil state")
	}
	if err := s.check(); err != nil {
		return err
	}
	if s.ID != uint32(v.id) {
		return differs("vCPU", "the state is of the vCPU %d, this one is %d", s.ID, v.id)
	}
	return v.atRest("RestoreState", func(Exit) error { return v.restoreState(s) })
}

// atRest calls do as the vCPU's runner, so that nobody else can run it, with the last
// exit completed, or with the exit that this led to.
func (v *VCPU) atRest(op string, do func(pending Exit) error) error {
	c := v.c()
	fd, err := c.enter()
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	defer runtime.KeepAlive(v)
	defer c.leave()
	pending, err := c.settle(fd)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return do(pending)
}

// settle has KVM complete the vCPU's last exit, and nothing more: state that is read
// before that is of an instruction half done. Kicks are left to the next Run.
func (c *vcpuCore) settle(fd int) (Exit, error) {
	if c.seq.Load() == 0 {
		return Exit{}, nil // it never ran, and entering would settle what can be set only before
	}
	seq := c.seq.Add(1)
	c.setImmediateExit()
	_, errno := sys.IoctlOnce(fd, uintptr(uapi.IoctlVCPURun), 0)
	sys.TraceOnce(fd, uintptr(uapi.IoctlVCPURun), errno)
	switch {
	case c.fd.Closed():
		return Exit{}, opError(uapi.IoctlVCPURun, ErrClosed)
	case errno == 0:
		return c.exit(seq, uapi.ExitReason(c.page.ExitReason)), nil
	case errno == syscall.EINTR || errno == syscall.EAGAIN:
		return Exit{}, nil
	default:
		return Exit{}, opError(uapi.IoctlVCPURun, errno)
	}
}
