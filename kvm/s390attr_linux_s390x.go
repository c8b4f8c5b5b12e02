package kvm

import "linuxkvm/uapi"

// The attributes of a VM on s390x, by group. The kernel's document is
// virt/kvm/devices/vm.rst.

// S390Mem is what is set of a VM's memory.
type S390Mem struct{ attrs attributes }

// S390Mem returns the settings of the VM's memory.
func (vm *VM) S390Mem() S390Mem { return S390Mem{vm} }

// EnableCMMA lets the guest say which pages it does not use. EBUSY means that there
// is a vCPU already.
//
// attr: KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_ENABLE_CMMA (vm) · since: Linux 3.15
func (m S390Mem) EnableCMMA() error {
	return orderAttr(m.attrs, uapi.S390VMMemCtrl, uapi.S390VMMemEnableCMMA)
}

// ClearCMMA forgets which pages the guest said it does not use.
//
// attr: KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_CLR_CMMA (vm) · since: Linux 3.15
func (m S390Mem) ClearCMMA() error {
	return orderAttr(m.attrs, uapi.S390VMMemCtrl, uapi.S390VMMemClrCMMA)
}

// LimitSize returns how many bytes of memory the VM can have, or
// uapi.S390NoMemLimit.
//
// attr: KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_LIMIT_SIZE (vm) · since: Linux 4.0
func (m S390Mem) LimitSize() (uint64, error) {
	return getAttr[uint64](m.attrs, uapi.S390VMMemCtrl, uapi.S390VMMemLimitSize)
}

// SetLimitSize sets how many bytes of memory the VM can have, which the kernel
// rounds up, before there is a vCPU.
//
// attr: KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_LIMIT_SIZE (vm) · since: Linux 4.0
func (m S390Mem) SetLimitSize(n uint64) error {
	if n == 0 {
		return invalid("a VM with no memory")
	}
	return setAttr(m.attrs, uapi.S390VMMemCtrl, uapi.S390VMMemLimitSize, n)
}

// S390TOD is the guest's clock.
type S390TOD struct{ attrs attributes }

// S390TOD returns the guest's clock.
func (vm *VM) S390TOD() S390TOD { return S390TOD{vm} }

// Low returns bits 0 to 63 of the clock.
//
// attr: KVM_S390_VM_TOD, KVM_S390_VM_TOD_LOW (vm) · since: Linux 3.19
func (t S390TOD) Low() (uint64, error) {
	return getAttr[uint64](t.attrs, uapi.S390VMTOD, uapi.S390VMTODLow)
}

// SetLow sets bits 0 to 63 of the clock.
//
// attr: KVM_S390_VM_TOD, KVM_S390_VM_TOD_LOW (vm) · since: Linux 3.19
func (t S390TOD) SetLow(v uint64) error {
	return setAttr(t.attrs, uapi.S390VMTOD, uapi.S390VMTODLow, v)
}

// High returns the clock's extension, which kernels before Ext have as 0.
//
// attr: KVM_S390_VM_TOD, KVM_S390_VM_TOD_HIGH (vm) · since: Linux 3.19
func (t S390TOD) High() (uint8, error) {
	return getAttr[uint8](t.attrs, uapi.S390VMTOD, uapi.S390VMTODHigh)
}

// SetHigh sets the clock's extension, to 0.
//
// attr: KVM_S390_VM_TOD, KVM_S390_VM_TOD_HIGH (vm) · since: Linux 3.19
func (t S390TOD) SetHigh(v uint8) error {
	return setAttr(t.attrs, uapi.S390VMTOD, uapi.S390VMTODHigh, v)
}

// Ext returns the clock with its extension.
//
// attr: KVM_S390_VM_TOD, KVM_S390_VM_TOD_EXT (vm) · since: Linux 4.15
func (t S390TOD) Ext() (uapi.S390VMTODClock, error) {
	return getAttr[uapi.S390VMTODClock](t.attrs, uapi.S390VMTOD, uapi.S390VMTODExt)
}

// SetExt sets the clock with its extension.
//
// attr: KVM_S390_VM_TOD, KVM_S390_VM_TOD_EXT (vm) · since: Linux 4.15
func (t S390TOD) SetExt(clock *uapi.S390VMTODClock) error {
	return setAttrFrom(t.attrs, uapi.S390VMTOD, uapi.S390VMTODExt, clock)
}

// S390Crypto is what the guest can do with the processor's cryptography.
type S390Crypto struct{ attrs attributes }

// S390Crypto returns the settings of the VM's cryptography.
func (vm *VM) S390Crypto() S390Crypto { return S390Crypto{vm} }

// WrapAES makes a new key that AES keys are wrapped with, or takes it away.
//
// attr: KVM_S390_VM_CRYPTO, KVM_S390_VM_CRYPTO_ENABLE_AES_KW, KVM_S390_VM_CRYPTO_DISABLE_AES_KW (vm) · since: Linux 4.0
func (c S390Crypto) WrapAES(on bool) error {
	return c.set(on, uapi.S390VMCryptoEnableAESKW, uapi.S390VMCryptoDisableAESKW)
}

// WrapDEA makes a new key that DEA keys are wrapped with, or takes it away.
//
// attr: KVM_S390_VM_CRYPTO, KVM_S390_VM_CRYPTO_ENABLE_DEA_KW, KVM_S390_VM_CRYPTO_DISABLE_DEA_KW (vm) · since: Linux 4.0
func (c S390Crypto) WrapDEA(on bool) error {
	return c.set(on, uapi.S390VMCryptoEnableDEAKW, uapi.S390VMCryptoDisableDEAKW)
}

// InterpretAP has the processor interpret the instructions of adjunct processors,
// or not.
//
// attr: KVM_S390_VM_CRYPTO, KVM_S390_VM_CRYPTO_ENABLE_APIE, KVM_S390_VM_CRYPTO_DISABLE_APIE (vm) · since: Linux 4.20
func (c S390Crypto) InterpretAP(on bool) error {
	return c.set(on, uapi.S390VMCryptoEnableApie, uapi.S390VMCryptoDisableApie)
}

func (c S390Crypto) set(on bool, enable, disable uint64) error {
	if on {
		return orderAttr(c.attrs, uapi.S390VMCrypto, enable)
	}
	return orderAttr(c.attrs, uapi.S390VMCrypto, disable)
}

// S390Migration is the mode in which the state of the guest's storage is logged.
type S390Migration struct{ attrs attributes }

// S390Migration returns the migration mode of the VM.
func (vm *VM) S390Migration() S390Migration { return S390Migration{vm} }

// Start begins to log, for slots that log dirty pages.
//
// attr: KVM_S390_VM_MIGRATION, KVM_S390_VM_MIGRATION_START (vm) · since: Linux 4.13
func (m S390Migration) Start() error {
	return orderAttr(m.attrs, uapi.S390VMMigration, uapi.S390VMMigrationStart)
}

// Stop ends it.
//
// attr: KVM_S390_VM_MIGRATION, KVM_S390_VM_MIGRATION_STOP (vm) · since: Linux 4.13
func (m S390Migration) Stop() error {
	return orderAttr(m.attrs, uapi.S390VMMigration, uapi.S390VMMigrationStop)
}

// Status reports whether it is on.
//
// attr: KVM_S390_VM_MIGRATION, KVM_S390_VM_MIGRATION_STATUS (vm) · since: Linux 4.13
func (m S390Migration) Status() (bool, error) {
	v, err := getAttr[uint64](m.attrs, uapi.S390VMMigration, uapi.S390VMMigrationStatus)
	return v != 0, err
}

// S390Topology is whether the guest is to look at its topology again.
type S390Topology struct{ attrs attributes }

// S390Topology returns the topology's report of changes.
func (vm *VM) S390Topology() S390Topology { return S390Topology{vm} }

// ChangePending reports whether a change is reported.
//
// attr: KVM_S390_VM_CPU_TOPOLOGY (vm) · since: Linux 6.0
func (t S390Topology) ChangePending() (bool, error) {
	v, err := getAttr[uint8](t.attrs, uapi.S390VMCPUTopology, 0)
	return v != 0, err
}

// SetChangePending reports a change, or takes the report back.
//
// attr: KVM_S390_VM_CPU_TOPOLOGY (vm) · since: Linux 6.0
func (t S390Topology) SetChangePending(on bool) error {
	var attr uint64 // which is the value
	if on {
		attr = 1
	}
	return orderAttr(t.attrs, uapi.S390VMCPUTopology, attr)
}
