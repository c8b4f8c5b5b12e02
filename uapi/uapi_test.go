//go:build linux

package uapi

import (
	"runtime"
	"slices"
	"testing"
	"unsafe"
)

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		CapIRQFD.String():                  "KVM_CAP_IRQFD",
		CapIRQChip.String():                "KVM_CAP_IRQCHIP", // number 0
		Cap(5).String():                    "Cap(5)",          // a gap
		Cap(1 << 31).String():              "Cap(2147483648)",
		ExitIO.String():                    "KVM_EXIT_IO",
		ExitReason(12345).String():         "ExitReason(12345)",
		IoctlSystemCreateVM.String():       "KVM_CREATE_VM",
		IoctlVMCreateVCPU.String():         "KVM_CREATE_VCPU",
		IoctlVCPURun.String():              "KVM_RUN",
		IoctlDeviceSetDeviceAttr.String():  "KVM_SET_DEVICE_ATTR",
		IoctlSystemCheckExtension.String(): "KVM_CHECK_EXTENSION",
		VMIoctl(0xabc).String():            "VMIoctl(0xabc)",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestLists(t *testing.T) {
	caps := slices.Collect(Caps())
	if len(caps) < 240 || !slices.IsSorted(caps) || !slices.Contains(caps, CapXSAVE) || slices.Contains(caps, Cap(5)) {
		t.Errorf("%d capabilities: %v", len(caps), caps)
	}
	exits := slices.Collect(ExitReasons())
	if len(exits) < 44 || exits[0] != ExitUnknown || exits[2] != ExitIO {
		t.Errorf("%d exit reasons: %v", len(exits), exits)
	}
	for range Caps() {
		break // stopping early must not panic
	}
}

// TestViews writes through one member of a union and reads through another.
func TestViews(t *testing.T) {
	var r Run
	io := r.IO()
	*io = RunIO{Direction: ExitIOOut, Size: 2, Port: 0x3f8, Count: 1, DataOffset: 4096}
	if *r.IO() != *io || *r.S390ResetFlags() == 0 || r.Union[1] != 4096 {
		t.Errorf("union %#x", r.Union)
	}
	level := IRQLevel{IRQ: 0xffffffff}
	if *level.Status() != -1 {
		t.Errorf("status %d", *level.Status())
	}
	e := IRQRoutingEntry{Type: IRQRoutingTypeMSI}
	e.U.MSI().DevID = 3
	if e.U.Union[1] == 0 || e.U.Union[0] != 0 || e.U.MSI().DevID != 3 {
		t.Errorf("routing entry %+v", e)
	}
}

func TestBuffers(t *testing.T) {
	b := NewRegListBuffer(1000)
	for i := range b.Entries() {
		b.Entries()[i] = uint64(i)
	}
	runtime.GC()
	if b.Header().N != 1000 || b.Size() != 8008 || b.Entries()[999] != 999 || b.Pointer() != unsafe.Pointer(b.Header()) {
		t.Errorf("%d entries, %d bytes", b.Header().N, b.Size())
	}
	// A header of four bytes with bytes behind it.
	m := NewSignalMaskBuffer(8)
	copy(m.Entries(), "\x01\x02\x03\x04\x05\x06\x07\x08")
	// SAFETY: the buffer is 12 bytes long.
	if raw := unsafe.Slice((*byte)(m.Pointer()), m.Size()); m.Size() != 12 || raw[4] != 1 || raw[11] != 8 || m.Header().Len != 8 {
		t.Errorf("% x", raw)
	}
	if e := NewRegListBuffer(0); len(e.Entries()) != 0 || e.Size() != 8 || e.Pointer() == nil {
		t.Errorf("an empty one has %d bytes", e.Size())
	}
	for _, n := range []int{-1, 1 << 60} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d entries did not panic", n)
				}
			}()
			NewRegListBuffer(n)
		}()
	}
}

func TestNothingAllocates(t *testing.T) {
	var r Run
	c := CapIRQFD
	var s string
	if n := testing.AllocsPerRun(100, func() { r.IO().Count++; s = c.String(); s = IoctlVCPURun.String() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	_ = s
}
