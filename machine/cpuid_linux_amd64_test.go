package machine

import (
	"testing"

	"linuxkvm/kvm"
)

func TestTopologyNumbersEachCPU(t *testing.T) {
	for _, c := range []struct {
		cpus, id, width uint32
	}{{1, 0, 0}, {2, 1, 1}, {3, 2, 2}, {4, 3, 2}, {8, 7, 3}} {
		top := topology{id: c.id, cpus: c.cpus}
		features := kvm.CPUIDEntry{Function: leafFeatures, EBX: 0xaabbccdd, EDX: bitHTT}
		top.apply(&features)
		if got := features.EBX >> 24; got != c.id {
			t.Errorf("%d CPUs: leaf 1 has APIC id %d, want %d", c.cpus, got, c.id)
		}
		if got := features.EBX >> 16 & 0xff; got != c.cpus {
			t.Errorf("%d CPUs: leaf 1 counts %d", c.cpus, got)
		}
		if features.EBX&0xffff != 0xccdd {
			t.Errorf("leaf 1 lost its low half: %#x", features.EBX)
		}
		if htt := features.EDX&bitHTT != 0; htt != (c.cpus > 1) {
			t.Errorf("%d CPUs: HTT is %v", c.cpus, htt)
		}
		core := kvm.CPUIDEntry{Function: leafTopology, Index: 1}
		top.apply(&core)
		if core.EAX != c.width || core.EBX != c.cpus || core.EDX != c.id || core.ECX != 1|topologyCore<<8 {
			t.Errorf("%d CPUs, id %d: core level = %+v", c.cpus, c.id, core)
		}
	}
}

func TestTopologySharesOnlyTheLastCache(t *testing.T) {
	top := topology{cpus: 4}
	for level, want := range map[uint32]uint32{1: 0, 2: 0, 3: 3} {
		e := kvm.CPUIDEntry{Function: leafCache, EAX: 1 | level<<5 | 63<<14 | 63<<26}
		top.apply(&e)
		if got := e.EAX >> 14 & 0xfff; got != want {
			t.Errorf("level %d is shared by %d more, want %d", level, got, want)
		}
		if got := e.EAX >> 26; got != 3 {
			t.Errorf("level %d: %d cores, want 3", level, got)
		}
	}
	none := kvm.CPUIDEntry{Function: leafCache}
	top.apply(&none)
	if none.EAX != 0 {
		t.Error("an index without a cache was changed")
	}
}
