package kvm

import (
	"reflect"
	"strings"
	"testing"

	"linuxkvm/uapi"
)

func TestS390MemOpEncoding(t *testing.T) {
	got, err := memOp(uapi.S390MemopLogicalWrite, 0x1000, 16, S390MemAccess{AR: 3, CheckKey: true, Key: 9, Inject: true})
	must(t, err)
	want := uapi.S390MemOp{
		Gaddr: 0x1000, Size: 16, Op: 1,
		Flags: uapi.S390MemopFSKEYProtection | uapi.S390MemopFInjectException,
		Union: [4]uint64{3<<56 | 9<<48},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for word, c := range map[string]struct {
		op uint32
		a  S390MemAccess
	}{
		"register 16":  {uapi.S390MemopLogicalRead, S390MemAccess{AR: 16}},
		"key 16":       {uapi.S390MemopLogicalRead, S390MemAccess{CheckKey: true, Key: 16}},
		"CheckKey":     {uapi.S390MemopLogicalRead, S390MemAccess{Key: 1}},
		"register 1":   {uapi.S390MemopAbsoluteRead, S390MemAccess{AR: 1}},
		"Inject true":  {uapi.S390MemopAbsoluteCmpxchg, S390MemAccess{Inject: true}},
		"register 255": {uapi.S390MemopAbsoluteWrite, S390MemAccess{AR: 255}},
	} {
		_, err := memOp(c.op, 0, 1, c.a)
		refused(t, err, word)
	}
}

func TestS390MemOpArguments(t *testing.T) {
	vm := fakeVM(t)
	v := fakeVCPUOf(t, vm)
	var a S390MemAccess
	p := make([]byte, 3*memOpMax)
	refused(t, v.S390MemOpLogicalRead(0, nil, a), "0 bytes")
	refused(t, v.S390MemOpLogicalCheck(0, -1, true, a), "-1 bytes")
	refused(t, vm.S390MemOpAbsoluteWrite(0, p[:0], a), "0 bytes")
	reached(t, v.S390MemOpLogicalRead(0, p, a))
	reached(t, v.S390MemOpLogicalWrite(0, p, S390MemAccess{CheckKey: true}))
	reached(t, v.S390MemOpLogicalCheck(0, 1, false, a))
	reached(t, vm.S390MemOpAbsoluteRead(0, p, a))
	reached(t, vm.S390MemOpAbsoluteWrite(0, p, a))
	reached(t, vm.S390MemOpAbsoluteCheck(0, 1<<40, true, a))
	refused(t, v.S390MemOpSIDARead(0, nil), "0 bytes")
	refused(t, v.S390MemOpSIDAWrite(1<<32-2, p[:2]), "offset 0xfffffffe")
	reached(t, v.S390MemOpSIDARead(4096, p[:8]))
	reached(t, v.S390MemOpSIDAWrite(0, p[:8]))
}

func TestS390MemOpCmpxchgArguments(t *testing.T) {
	vm := fakeVM(t)
	b := make([]byte, 32)
	for _, c := range []struct {
		addr     uint64
		old, new int
	}{{0, 0, 0}, {0, 3, 3}, {0, 32, 32}, {0, 4, 8}, {4, 8, 8}} {
		_, err := vm.S390MemOpAbsoluteCmpxchg(c.addr, b[:c.old], b[:c.new], S390MemAccess{})
		refused(t, err, "want 1, 2, 4, 8 or 16")
	}
	_, err := vm.S390MemOpAbsoluteCmpxchg(16, b[:16], b[:16], S390MemAccess{})
	reached(t, err)
}

func TestS390ProgramError(t *testing.T) {
	err := &S390ProgramError{Op: "KVM_S390_MEM_OP", Addr: 0x11000, Code: 5, Done: 0x10000}
	for _, word := range []string{"KVM_S390_MEM_OP", "0x11000", "0x5", "65536"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %s", err, word)
		}
	}
}

func TestS390KeyArguments(t *testing.T) {
	vm := fakeVM(t)
	_, err := vm.S390SKEYs(0, nil)
	refused(t, err, "no room")
	_, err = vm.S390SKEYs(0, make([]byte, uapi.S390SKEYsMax+1))
	reached(t, err)
	refused(t, vm.S390SetSKEYs(0, nil), "no keys")
	refused(t, vm.S390SetSKEYs(0, []byte{0xf0, 0xf1}), "frame 1", "0xf1")
	reached(t, vm.S390SetSKEYs(0, []byte{0xf0}))
	_, err = vm.S390KeyopSSKE(0, 1)
	refused(t, err, "0x1")
	_, err = vm.S390KeyopSSKE(0, 0x10)
	reached(t, err)
	_, err = vm.S390KeyopISKE(0)
	reached(t, err)
	_, err = vm.S390KeyopRRBE(0)
	reached(t, err)
}

func TestS390CMMAArguments(t *testing.T) {
	vm := fakeVM(t)
	_, err := vm.S390CMMABits(0, 0)
	refused(t, err, "0 values")
	_, err = vm.S390CMMAPeek(0, -5)
	refused(t, err, "-5 values")
	_, err = vm.S390CMMABits(0, 1<<40)
	reached(t, err)
	_, err = vm.S390CMMAPeek(0, 1)
	reached(t, err)
	must(t, vm.S390SetCMMABits(0, 1, nil))
	reached(t, vm.S390SetCMMABits(0, 1, []byte{1}))
}

func TestS390ZPCIArguments(t *testing.T) {
	vm := fakeVM(t)
	refused(t, vm.S390ZPCIOp(nil), "nil")
	refused(t, vm.S390ZPCIOp(&uapi.S390ZPCIOp{Op: 7}), "7")
	reached(t, vm.S390ZPCIOp(&uapi.S390ZPCIOp{Op: uapi.S390ZpciopDeregAen}))
}
