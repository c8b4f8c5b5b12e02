package host

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// CPU is the processor that KVM can offer a guest on this host.
type CPU struct {
	Vendor   string `json:"vendor"` // as in "GenuineIntel"
	Name     string `json:"name,omitempty"`
	Family   uint32 `json:"family"`
	Model    uint32 `json:"model"`
	Stepping uint32 `json:"stepping"`
	// PhysicalBits and VirtualBits are the widths of addresses, 0 where CPUID
	// does not tell.
	PhysicalBits uint32 `json:"physical_bits,omitempty"`
	VirtualBits  uint32 `json:"virtual_bits,omitempty"`
	// Features and KVM are the processor's and the paravirtual features.
	Features []string `json:"features"`
	KVM      []string `json:"kvm_features"`
}

// cpuid is a list of CPUID answers, as KVM gives it.
type cpuid []uapi.CPUIDEntry2

// find returns the answer to a function and index; nil when there is none.
func (c cpuid) find(function, index uint32) *uapi.CPUIDEntry2 {
	for i := range c {
		e := &c[i]
		if e.Function == function && (e.Index == index || e.Flags&uapi.CPUIDFlagSignifcantIndex == 0) {
			return e
		}
	}
	return nil
}

func (c cpuid) value(function, index uint32, r register) uint32 {
	e := c.find(function, index)
	if e == nil {
		return 0
	}
	return [...]uint32{e.EAX, e.EBX, e.ECX, e.EDX}[r]
}

// text reads registers as characters.
func (c cpuid) text(function uint32, registers ...register) string {
	var b []byte
	for _, r := range registers {
		b = binary.LittleEndian.AppendUint32(b, c.value(function, 0, r))
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

// features names the bits that are set.
func (c cpuid) features(words []featureWord) []string {
	found := []string{} // not null in JSON
	seen := map[string]bool{}
	for _, w := range words {
		v := c.value(w.function, w.index, w.register)
		for bit, name := range strings.Fields(w.names) {
			if v&(1<<bit) != 0 && name != "-" && !seen[name] {
				seen[name] = true
				found = append(found, name)
			}
		}
	}
	return found
}

// processor asks KVM for CPUID.
func processor(sys *kvm.System) (CPU, error) {
	features, err := sys.SupportedCPUID()
	return cpuid(features).processor(), err
}

// processor puts CPUID into words.
func (c cpuid) processor() CPU {
	p := CPU{
		Vendor:   c.text(0, ebx, edx, ecx),
		Features: c.features(processorFeatures),
		KVM:      c.features(kvmFeatures),
	}
	p.Family, p.Model, p.Stepping = signature(c.value(1, 0, eax))
	for leaf := uint32(0x80000002); leaf <= 0x80000004; leaf++ {
		p.Name += c.text(leaf, eax, ebx, ecx, edx)
	}
	p.Name = strings.Join(strings.Fields(p.Name), " ")
	widths := c.value(0x80000008, 0, eax)
	p.PhysicalBits, p.VirtualBits = widths&0xff, widths>>8&0xff
	return p
}

// signature takes the version word of CPUID apart. The extended fields count
// for some families only.
func signature(v uint32) (family, model, stepping uint32) {
	family, model, stepping = v>>8&0xf, v>>4&0xf, v&0xf
	if family == 6 || family == 15 {
		model |= v >> 16 & 0xf << 4
	}
	if family == 15 {
		family += v >> 20 & 0xff
	}
	return family, model, stepping
}

// Words describes the processor in one line.
func (p CPU) Words() string {
	s := fmt.Sprintf("%s family %d model %d stepping %d", p.Vendor, p.Family, p.Model, p.Stepping)
	if p.Name != "" {
		s = p.Name + " (" + s + ")"
	}
	return s
}

func (p *printer) cpu(c *CPU) {
	p.title("Processor that a guest can have")
	p.line("model", "%s", c.Words())
	if c.PhysicalBits != 0 {
		p.line("addresses", "%d bits physical, %d bits virtual", c.PhysicalBits, c.VirtualBits)
	}
	p.printf("  features:\n")
	p.words("    ", c.Features)
	p.printf("  from KVM itself:\n")
	p.words("    ", c.KVM)
}

// exitKind is how a guest comes out in the measurement.
const exitKind = "port I/O"
