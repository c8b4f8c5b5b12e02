package kvm

import (
	"sync"

	"linuxkvm/memory"
)

// vmArch is what a VM holds besides slots: the memory of user-controlled vCPUs,
// by segment of 1 MiB.
type vmArch struct {
	segments map[ucasSegment]*ucasPin
	kept     []*memory.Pin // until the end
	locks    map[int]*sync.Mutex
}

// withArch calls do with what the VM holds, for one caller at a time.
func (c *vmState) withArch(do func(*vmArch)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do(&c.arch)
}

// lock is what serializes changes of one vCPU's memory.
func (a *vmArch) lock(vcpu int) *sync.Mutex {
	if a.locks == nil {
		a.locks = make(map[int]*sync.Mutex)
	}
	if a.locks[vcpu] == nil {
		a.locks[vcpu] = new(sync.Mutex)
	}
	return a.locks[vcpu]
}

// ucasSegment is one of a vCPU, by id: ids are not used again in a VM.
type ucasSegment struct {
	vcpu   int
	number uint64
}

// ucasPin is shared by the segments of one mapping.
type ucasPin struct {
	pin  *memory.Pin
	uses uint64
}

// hold records that n segments of a vCPU are what pin is for.
func (a *vmArch) hold(vcpu int, first, n uint64, pin *memory.Pin) {
	a.letGo(vcpu, first, n)
	if a.segments == nil {
		a.segments = make(map[ucasSegment]*ucasPin)
	}
	shared := &ucasPin{pin: pin, uses: n}
	for i := range n {
		a.segments[ucasSegment{vcpu, first + i}] = shared
	}
}

// letGo forgets segments of a vCPU, those of them that there are.
func (a *vmArch) letGo(vcpu int, first, n uint64) {
	for key, shared := range a.segments {
		if key.vcpu != vcpu || key.number-first >= n {
			continue
		}
		delete(a.segments, key)
		if shared.uses--; shared.uses == 0 {
			shared.pin.Release()
		}
	}
}

// keep holds a pin until the kernel has given up the VM.
func (a *vmArch) keep(pin *memory.Pin) { a.kept = append(a.kept, pin) }

func (a *vmArch) release() {
	for _, shared := range a.segments {
		shared.pin.Release() // again does nothing
	}
	for _, pin := range a.kept {
		pin.Release()
	}
	*a = vmArch{}
}
