package kvm

import (
	"testing"
)

func TestMemoryEncryptRegion(t *testing.T) {
	vm := newTestVM(t)
	r := newTestRegion(t, 0x4000)
	all := MemoryRange{Region: r}
	if enabled, err := vm.SEVEnabled(); err != nil || enabled {
		t.Skipf("is about a KVM without SEV, and this host's has it (%v)", err)
	}
	wantError(t, vm.MemoryEncryptRegRegion(all), ErrNotSupported, "KVM_MEMORY_ENCRYPT_REG_REGION", "SEV")
	wantError(t, vm.MemoryEncryptUnregRegion(all), ErrNotSupported, "KVM_MEMORY_ENCRYPT_UNREG_REGION", "SEV")
	for name, m := range map[string]MemoryRange{
		"nil":     {},
		"outside": {Region: r, Offset: 0x4000},
		"huge":    {Region: r, Size: 1 << 63},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, vm.MemoryEncryptRegRegion(m), ErrInvalid)
			wantError(t, vm.MemoryEncryptUnregRegion(m), ErrInvalid)
		})
	}
	must(t, vm.Close())
	wantError(t, vm.MemoryEncryptRegRegion(all), ErrClosed)
	wantError(t, vm.MemoryEncryptUnregRegion(all), ErrClosed)
	// newTestRegion looks whether the memory is let go.
}

// A VM that could not have another one's keys does not keep that one's memory.
func TestEncContextFrom(t *testing.T) {
	vm := newTestVM(t)
	src, err := openSystem(t).CreateVM()
	must(t, err)
	r := newTestRegion(t, 0x1000)
	must(t, src.SetUserMemoryRegion(0, 0, 0, r))
	if err := vm.CopyEncContextFrom(src); err == nil {
		t.Error("a VM without keys was copied from")
	}
	if err := vm.MoveEncContextFrom(src); err == nil {
		t.Error("a VM without keys was moved from")
	}
	for name, other := range map[string]*VM{"nil": nil, "itself": vm} {
		t.Run(name, func(t *testing.T) {
			wantError(t, vm.CopyEncContextFrom(other), ErrInvalid, "KVM_CAP_VM_COPY_ENC_CONTEXT_FROM")
			wantError(t, vm.MoveEncContextFrom(other), ErrInvalid)
		})
	}
	wantError(t, r.Close(), ErrInUse) // src has not let go of it
	must(t, src.Close())
	must(t, r.Close())
	wantError(t, vm.CopyEncContextFrom(src), ErrClosed)
	must(t, vm.Close())
	wantError(t, vm.MoveEncContextFrom(newTestVM(t)), ErrClosed)
}

// What a VM's keys come from is kept until the VM is gone.
func TestEncContextKeepsItsSource(t *testing.T) {
	vm, src := newTestVM(t), newTestVM(t)
	r := newTestRegion(t, 0x1000)
	must(t, src.SetUserMemoryRegion(0, 0, 0, r))
	must(t, vm.keepSource(opName("op"), src, func(int) error { return nil }))
	must(t, src.Close())
	wantError(t, r.Close(), ErrInUse)
	must(t, vm.Close())
	must(t, r.Close())
}
