package kvm

import "sync"

// madeOf remembers which parts a VM was given: KVM does not list them, and who saves
// its state must not forget one.
type madeOf struct {
	mu      sync.Mutex
	vcpus   int
	devices map[uint32]int // by type
}

func (m *madeOf) addVCPU() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.vcpus++
}

func (m *madeOf) addDevice(kind uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.devices == nil {
		m.devices = make(map[uint32]int)
	}
	m.devices[kind]++
}
