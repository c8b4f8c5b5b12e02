//go:build arm64 || riscv64

package kvm

// partsOf picks the parts of one type.
func partsOf[P StatePart](parts []StatePart) (list []P) {
	for _, p := range parts {
		if p, ok := p.(P); ok {
			list = append(list, p)
		}
	}
	return list
}

// count returns how many vCPUs there are, and devices of a type.
func (m *madeOf) count(kind uint32) (vcpus, devices int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.vcpus, m.devices[kind]
}
