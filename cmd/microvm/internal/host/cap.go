package host

import (
	"fmt"
	"strings"
)

// Capability is one thing that KVM may offer.
type Capability struct {
	Name    string `json:"name"`    // KVM_CAP_...
	Number  int    `json:"number"`  // the kernel's
	Offered bool   `json:"offered"` // Value is not 0
	Value   int    `json:"value"`   // what KVM answers: 0 is no, more than 1 says more
	Reading string `json:"reading"` // the value in words
	Meaning string `json:"meaning,omitempty"`
}

// describe puts the value of a capability into words.
func describe(name string, number, value int) Capability {
	m := meanings[name]
	return Capability{
		Name: name, Number: number, Offered: value != 0, Value: value,
		Meaning: m.words, Reading: m.read(value),
	}
}

func (m meaning) read(v int) string {
	if v == 0 {
		return "no"
	}
	switch m.unit {
	case count:
		return fmt.Sprint(v)
	case size:
		return fmt.Sprintf("%d bytes", v)
	case width:
		return fmt.Sprintf("%d bits", v)
	case page:
		return fmt.Sprintf("page %d", v)
	case mask:
		return fmt.Sprintf("%s (%#x)", bitNames(uint32(v), m.bits), uint32(v))
	}
	if v == 1 {
		return "yes"
	}
	return fmt.Sprintf("yes (%d)", v)
}

// bitNames names the bits that are set. KVM's answer is a C int, so that bit 31
// makes it negative.
func bitNames(v uint32, names []string) string {
	var words []string
	for bit := range 32 {
		switch {
		case v&(1<<bit) == 0:
		case bit < len(names) && names[bit] != "":
			words = append(words, names[bit])
		default:
			words = append(words, fmt.Sprintf("bit %d", bit))
		}
	}
	return strings.Join(words, ", ")
}

// foreign reports whether a capability belongs to another architecture than
// amd64, by its name.
func foreign(name string) bool {
	for _, prefix := range []string{"ARM_", "MIPS_", "PPC_", "RISCV_", "S390_", "SPAPR_"} {
		if strings.HasPrefix(name, "KVM_CAP_"+prefix) {
			return true
		}
	}
	switch name {
	case "KVM_CAP_IRQ_MPIC", "KVM_CAP_IRQ_XICS", "KVM_CAP_SW_TLB", "KVM_CAP_COUNTER_OFFSET":
		return true
	}
	return false
}
