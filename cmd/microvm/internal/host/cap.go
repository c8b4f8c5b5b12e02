package host

import (
	"fmt"
	"runtime"
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

// foreign reports whether a capability belongs to another architecture than this
// one, by its name.
func foreign(name string) bool {
	short := strings.TrimPrefix(name, capPrefix)
	for prefix, arch := range archOfPrefix {
		if arch != runtime.GOARCH && strings.HasPrefix(short, prefix) {
			return true
		}
	}
	arch, known := archOfName[short]
	return known && arch != runtime.GOARCH
}

var archOfPrefix = map[string]string{
	"ARM_": "arm64", "MIPS_": "mips64le", "PPC_": "ppc64le", "RISCV_": "riscv64", "S390_": "s390x",
	"SPAPR_": "ppc64le", "X86_": "amd64", "HYPERV_": "amd64", "XEN_": "amd64",
}

var archOfName = map[string]string{
	"IRQ_MPIC": "ppc64le", "IRQ_XICS": "ppc64le", "SW_TLB": "ppc64le", "COUNTER_OFFSET": "arm64",
}
