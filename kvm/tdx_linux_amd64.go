package kvm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"syscall"

	"linuxkvm/uapi"
)

// TDXError is a command of TDX that failed.
type TDXError struct {
	Command string        // by its kernel name: "KVM_TDX_INIT_VM"
	Errno   syscall.Errno // what the kernel answered
	HWError uint64        // what the TDX module answered, 0 when it was not asked
}

func (e *TDXError) Error() string {
	s := fmt.Sprintf("kvm: %s: %v", e.Command, e.Errno)
	switch {
	case e.HWError != 0:
		s += fmt.Sprintf("; the TDX module says %#x", e.HWError)
	case e.Errno == syscall.ENOTTY:
		s += ": the VM is not a TD: CreateVMType(uapi.X86TDXVM) makes one"
	}
	return s
}

// Unwrap gives the errno to errors.Is and errors.As.
func (e *TDXError) Unwrap() error { return e.Errno }

// Is makes ENOTTY, the answer of a VM that is not a TD, match ErrNotSupported.
func (e *TDXError) Is(target error) bool {
	return target == ErrNotSupported && e.Errno == syscall.ENOTTY
}

// tdxCommand is the id of a command.
type tdxCommand uint32

func (c tdxCommand) String() string {
	names := [uapi.TDXCmdNrMax]string{"CAPABILITIES", "INIT_VM", "INIT_VCPU", "INIT_MEM_REGION", "FINALIZE_VM", "GET_CPUID"}
	if int(c) < len(names) {
		return "KVM_TDX_" + names[c]
	}
	return "KVM_TDX command " + strconv.Itoa(int(c))
}

// tdx issues commands, on a VM or a vCPU.
type tdx func(cmd *uapi.TDXCmd, mem *scratch) error

// tdx asks first whether the host knows TDs: on AMD the numbers of the commands
// mean something else.
func (vm *VM) tdx() (tdx, error) {
	if err := vm.requireTDX(); err != nil {
		return nil, err
	}
	return func(cmd *uapi.TDXCmd, _ *scratch) error { return vmSet(vm, uapi.IoctlVMMemoryEncryptOp, cmd) }, nil
}

func (v *VCPU) tdx() (tdx, error) {
	if v.c().fd.Closed() {
		return nil, opError(uapi.IoctlVCPUMemoryEncryptOp, ErrClosed)
	}
	if err := v.vm.requireTDX(); err != nil {
		return nil, err
	}
	return func(cmd *uapi.TDXCmd, _ *scratch) error { return vcpuSet(v, uapi.IoctlVCPUMemoryEncryptOp, cmd) }, nil
}

func (vm *VM) requireTDX() error {
	types, err := vm.CheckExtension(uapi.CapVMTypes)
	if err == nil && types>>uapi.X86TDXVM&1 == 0 {
		err = fmt.Errorf("kvm: this host has no VMs of type KVM_X86_TDX_VM: %w", &UnsupportedError{Cap: uapi.CapVMTypes, MinKernel: "6.16"})
	}
	return err
}

func (t tdx) run(id tdxCommand, flags uint32, data uint64, mem *scratch) error {
	if mem.err != nil {
		return mem.err
	}
	cmd := uapi.TDXCmd{ID: uint32(id), Flags: flags, Data: data}
	err := t(&cmd, mem)
	var e *Error
	if errors.As(err, &e) {
		return &TDXError{Command: id.String(), Errno: e.Errno, HWError: cmd.HWError}
	}
	return err
}

// TDXCapabilities is what the host allows TDs to have.
type TDXCapabilities struct {
	SupportedAttrs uint64 // for TDXInitVM.Attributes
	SupportedXFAM  uint64 // for TDXInitVM.XFAM
	// TDVMCalls that KVM does itself and that it leaves to the caller, as
	// GetTdVmCallInfo reports them in R11 and R12.
	KernelTDVMCallInfo1R11, UserTDVMCallInfo1R11 uint64
	KernelTDVMCallInfo1R12, UserTDVMCallInfo1R12 uint64
	CPUID                                        []CPUIDEntry // the bits that may be configured
}

// TDXCapabilities returns what the host allows TDs to have.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 6.16 · doc: virt/kvm/x86/intel-tdx.rst "KVM_TDX_CAPABILITIES"
func (vm *VM) TDXCapabilities() (*TDXCapabilities, error) {
	t, err := vm.tdx()
	if err != nil {
		return nil, err
	}
	return t.capabilities()
}

func (t tdx) capabilities() (*TDXCapabilities, error) {
	caps := new(TDXCapabilities)
	entries, err := growing(64, uapi.NewTDXCapabilitiesBuffer, func(b *uapi.TDXCapabilitiesBuffer) (int, error) {
		err := t.runBuffer(uapi.TDXCmdCapabilities, bufferBytes(b.Pointer(), b.Size()))
		h := b.Header()
		*caps = TDXCapabilities{
			SupportedAttrs: h.SupportedAttrs, SupportedXFAM: h.SupportedXFAM,
			KernelTDVMCallInfo1R11: h.KernelTdvmcallinfo1R11, UserTDVMCallInfo1R11: h.UserTdvmcallinfo1R11,
			KernelTDVMCallInfo1R12: h.KernelTdvmcallinfo1R12, UserTDVMCallInfo1R12: h.UserTdvmcallinfo1R12,
		}
		return int(h.CPUID.Nent), err
	})
	caps.CPUID = entries
	return caps, err
}

// runBuffer issues a command on a struct with an array behind it.
func (t tdx) runBuffer(id tdxCommand, b []byte) error {
	var mem scratch
	defer mem.free()
	addr, there := mem.room(len(b))
	copy(there, b)
	err := t.run(id, 0, addr, &mem)
	copy(b, there)
	return err
}

// TDXInitVM is how a TD is to be.
type TDXInitVM struct {
	Attributes uint64 // out of TDXCapabilities.SupportedAttrs
	XFAM       uint64 // out of TDXCapabilities.SupportedXFAM
	// Digests, of SHA-384, that the TD's reports show.
	MRConfigID, MROwner, MROwnerConfig [48]byte
	// CPUID is what the TD sees. SetCPUID2 of its vCPUs should say the same.
	CPUID []CPUIDEntry
}

// TDXInitVM initializes a TD, a VM of type uapi.X86TDXVM. It comes before the first
// vCPU.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 6.16 · doc: virt/kvm/x86/intel-tdx.rst "KVM_TDX_INIT_VM"
func (vm *VM) TDXInitVM(td *TDXInitVM) error {
	if td == nil || len(td.CPUID) > maxElements {
		return invalid("%v: want a TD, of %d CPUID entries at most", tdxCommand(uapi.TDXCmdInitVM), maxElements)
	}
	t, err := vm.tdx()
	if err != nil {
		return err
	}
	return t.initVM(td)
}

func (t tdx) initVM(td *TDXInitVM) error {
	b := uapi.NewTDXInitVMBuffer(len(td.CPUID))
	h := b.Header()
	h.Attributes, h.XFAM = td.Attributes, td.XFAM
	h.Mrconfigid, h.Mrowner, h.Mrownerconfig = digest(td.MRConfigID), digest(td.MROwner), digest(td.MROwnerConfig)
	copy(b.Entries(), td.CPUID)
	return t.runBuffer(uapi.TDXCmdInitVM, bufferBytes(b.Pointer(), b.Size()))
}

func digest(b [48]byte) (words [6]uint64) {
	for i := range words {
		words[i] = binary.NativeEndian.Uint64(b[8*i:])
	}
	return words
}

// TDXFinalizeVM ends the TD's measurement: it can run.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 6.16 · doc: virt/kvm/x86/intel-tdx.rst "KVM_TDX_FINALIZE_VM"
func (vm *VM) TDXFinalizeVM() error {
	t, err := vm.tdx()
	if err != nil {
		return err
	}
	return t.run(uapi.TDXCmdFinalizeVM, 0, 0, new(scratch))
}

// TDXInitVCPU initializes a vCPU of a TD. rcx is what it finds in RCX when it
// starts.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vcpu) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 6.16 · doc: virt/kvm/x86/intel-tdx.rst "KVM_TDX_INIT_VCPU"
func (v *VCPU) TDXInitVCPU(rcx uint64) error {
	t, err := v.tdx()
	if err != nil {
		return err
	}
	return t.run(uapi.TDXCmdInitVCPU, 0, rcx, new(scratch))
}

// TDXInitMemRegion copies memory into the TD's private memory, from the
// guest-physical address gpa on, and makes it part of the measurement when measure
// is set. The addresses must be private already, by SetMemoryAttributes, and gpa and
// source whole pages. After an error part of it may be done.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vcpu) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 6.16 · doc: virt/kvm/x86/intel-tdx.rst "KVM_TDX_INIT_MEM_REGION"
func (v *VCPU) TDXInitMemRegion(gpa uint64, source MemoryRange, measure bool) error {
	const id = tdxCommand(uapi.TDXCmdInitMemRegion)
	addr, pin, err := source.pin(id, pageSize())
	if err != nil {
		return err
	}
	defer pin.Release()
	if gpa%pageSize() != 0 || gpa > math.MaxUint64-source.Size {
		return invalid("%v: %#x bytes at GPA %#x, want a multiple of the page size that does not wrap around", id, source.Size, gpa)
	}
	t, err := v.tdx()
	if err != nil {
		return err
	}
	return t.initMemRegion(uapi.TDXInitMemRegion{SourceAddr: addr, GPA: gpa, NrPages: source.Size / pageSize()}, measure)
}

// initMemRegion goes on where the kernel, which says what is left, has stopped.
func (t tdx) initMemRegion(region uapi.TDXInitMemRegion, measure bool) error {
	var flags uint32
	if measure {
		flags = uapi.TDXMeasureMemoryRegion
	}
	var mem scratch
	defer mem.free()
	addr := mem.put(structBytes(&region))
	for {
		err := t.run(uapi.TDXCmdInitMemRegion, flags, addr, &mem)
		if !errors.Is(err, syscall.EAGAIN) {
			return err
		}
	}
}

// TDXCPUID returns the CPUID that the TDX module gives the vCPU.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vcpu) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 6.16 · doc: virt/kvm/x86/intel-tdx.rst "KVM_TDX_GET_CPUID"
func (v *VCPU) TDXCPUID() ([]CPUIDEntry, error) {
	t, err := v.tdx()
	if err != nil {
		return nil, err
	}
	return t.cpuid()
}

func (t tdx) cpuid() ([]CPUIDEntry, error) {
	return growing(64, uapi.NewCPUID2Buffer, func(b *uapi.CPUID2Buffer) (int, error) {
		err := t.runBuffer(uapi.TDXCmdGetCPUID, bufferBytes(b.Pointer(), b.Size()))
		return int(b.Header().Nent), err
	})
}
