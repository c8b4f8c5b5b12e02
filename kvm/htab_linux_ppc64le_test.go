package kvm

import (
	"errors"
	"io"
	"slices"
	"syscall"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// newHashVM makes a VM with a hashed page table of 1<<18 bytes.
func newHashVM(t *testing.T) *VM {
	t.Helper()
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPPCAllocHTAB, "")
	err := vm.PPCAllocateHTAB(18)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EINVAL) {
		t.Skipf("needs a KVM whose guests can have hashed page tables; this one is a guest itself: use a bare POWER8 or POWER9 (%v)", err)
	}
	must(t, err)
	return vm
}

func openHTAB(t *testing.T, vm *VM, flags, start uint64) *HTAB {
	t.Helper()
	h, err := vm.PPCHTABFD(flags, start)
	must(t, err)
	made.note(t, h.fd)
	t.Cleanup(func() { h.Close() })
	return h
}

func TestHTABOfHashGuest(t *testing.T) {
	vm := newHashVM(t)
	h := openHTAB(t, vm, 0, 0)
	if n, want := len(htabEntries(t, h)), 1<<18/hpteSize; n != want {
		t.Errorf("%d entries, want %d", n, want)
	}
	w := openHTAB(t, vm, uapi.GetHTABWrite, 0)
	stream := hptStream(t, HPTChunk{Index: 0, Invalid: 100})
	if n, err := w.Write(stream); n != len(stream) || err != nil {
		t.Errorf("wrote %d of %d bytes, %v", n, len(stream), err)
	}
	_, err := w.Write(hptStream(t, HPTChunk{Index: 1 << 30, Invalid: 1}))
	wantError(t, err, syscall.EINVAL)
}

// A guest with radix page tables has a stream too, without anything in it.
func TestHTABOfRadixGuest(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPPCHTABFD, "")
	needCap(t, vm, uapi.CapPPCMMURadix, "")
	must(t, vm.PPCConfigureV3MMU(&uapi.PPCMmuv3Cfg{Flags: uapi.PPCMmuv3Radix, ProcessTable: processTableRadix}))
	h := openHTAB(t, vm, uapi.GetHTABBoltedOnly, 0)
	if n, err := h.Read(make([]byte, 4096)); n != 0 || err != io.EOF {
		t.Errorf("read %d bytes, %v", n, err)
	}
	w := openHTAB(t, vm, uapi.GetHTABWrite, 0)
	_, err := w.Write(hptStream(t, HPTChunk{Invalid: 1}))
	wantError(t, err, syscall.EINVAL)
	if h.VM() != vm {
		t.Error("the stream has another VM")
	}
	// The stream keeps what the kernel has of the VM.
	vm.Close()
	_, err = h.Read(make([]byte, 4096))
	if err != io.EOF {
		t.Errorf("read after Close of the VM: %v", err)
	}
	h.Close()
	_, err = h.Read(make([]byte, 4096))
	wantError(t, err, ErrClosed)
	_, err = vm.PPCHTABFD(0, 0)
	wantError(t, err, ErrClosed)
}

func TestHTABRefuses(t *testing.T) {
	vm := fakeVM(t)
	_, err := vm.PPCHTABFD(4, 0)
	refused(t, err, "0x4")
	_, err = vm.PPCHTABFD(0, 1<<32)
	refused(t, err, "0x100000000")
	_, err = vm.PPCHTABFD(0, 0)
	reached(t, err)
	for _, order := range []uint32{0, 17, 47, 1 << 31} {
		refused(t, vm.PPCAllocateHTAB(order), "18", "46")
		refused(t, vm.PPCResizeHPTCommit(order), "18", "46")
	}
	_, err = vm.PPCResizeHPTPrepare(17)
	refused(t, err, "17")
	_, err = vm.PPCResizeHPTPrepare(0)
	reached(t, err)
	reached(t, vm.PPCAllocateHTAB(18))
	reached(t, vm.PPCResizeHPTCommit(46))
}

// What HTAB refuses does not get to its descriptor, which here would take it.
func TestHTABRefusesTransfers(t *testing.T) {
	vm := fakeVM(t)
	w := &HTAB{fd: vm.core.fd.FD, vm: vm, writing: true}
	_, err := w.Write([]byte{1, 2, 3})
	refused(t, err, "3 bytes")
	_, err = w.Read(make([]byte, 100))
	refused(t, err, "GetHTABWrite")
	r := &HTAB{fd: vm.core.fd.FD, vm: vm}
	_, err = r.Read(make([]byte, 24))
	refused(t, err, "24")
	_, err = r.Write(nil)
	refused(t, err, "reading")
	if n, err := w.Write(hptStream(t, HPTChunk{Index: 1})); n != 8 || err != nil {
		t.Errorf("8 bytes to an eventfd: %d, %v", n, err)
	}
}

func TestPPCResizeHPT(t *testing.T) {
	vm := newHashVM(t)
	needCap(t, vm, uapi.CapSPAPRResizeHPT, "")
	r := addMemory(t, vm, 0, 0, 0, 0x20000)
	v := newTestVCPU(t, vm)
	realMode(t, v, r, stepCode...)
	runStep(t, v, r)
	wantError(t, vm.PPCResizeHPTCommit(19), syscall.ENXIO)
	prepareHPT(t, vm, 20)
	_, err := vm.PPCResizeHPTPrepare(0) // never mind
	must(t, err)
	prepareHPT(t, vm, 19)
	must(t, vm.PPCResizeHPTCommit(19))
	if n := len(htabEntries(t, openHTAB(t, vm, 0, 0))); n != 1<<19/hpteSize {
		t.Errorf("%d entries after the resize, want %d", n, 1<<19/hpteSize)
	}
	runStep(t, v, r)
}

func prepareHPT(t *testing.T, vm *VM, shift uint32) {
	t.Helper()
	eventually(t, "a larger page table", func() bool {
		ms, err := vm.PPCResizeHPTPrepare(shift)
		must(t, err)
		return ms == 0
	})
}

// stepCode counts the word at 0x2000 up by one at each step.
var stepCode = []uint32{
	0x80a02000, // lwz r5, 0x2000(0)
	0x38a50001, // addi r5, r5, 1
	0x90a02000, // stw r5, 0x2000(0)
	0x386007f0, // li r3, guestDone
	0x44000022, // sc 1
	0x4bffffec, // b guestBase
}

func runStep(t *testing.T, v *VCPU, r *memory.Region) {
	t.Helper()
	before, err := r.LoadUint32(0x2000)
	must(t, err)
	runToCall(t, v, guestDone)
	if after, err := r.LoadUint32(0x2000); after != before+1 || err != nil {
		t.Errorf("the guest counted from %d to %d, %v", before, after, err)
	}
}

// htabEntries reads a pass over a table, true for each entry that is valid.
func htabEntries(t *testing.T, h *HTAB) (valid []bool) {
	t.Helper()
	for buf := make([]byte, 64<<10); ; {
		n, err := h.Read(buf)
		if err == io.EOF {
			return valid
		}
		must(t, err)
		for c, err := range HPTChunks(buf[:n]) {
			must(t, err)
			for range c.Valid {
				valid = append(valid, true)
			}
			valid = append(valid, make([]bool, c.Invalid)...)
		}
	}
}

// A guest in real mode runs on entries that KVM makes for it.
func TestHashGuestRuns(t *testing.T) {
	vm := newHashVM(t)
	r := addMemory(t, vm, 0, 0, 0, 0x20000)
	v := newTestVCPU(t, vm)
	realMode(t, v, r, stepCode...)
	h := openHTAB(t, vm, 0, 0)
	if slices.Contains(htabEntries(t, h), true) {
		t.Error("a table that no guest has used has a valid entry")
	}
	runStep(t, v, r)
	runStep(t, v, r)
	if bolted := openHTAB(t, vm, uapi.GetHTABBoltedOnly, 0); !slices.Contains(htabEntries(t, bolted), true) {
		t.Error("no valid entry after a run")
	}
}
