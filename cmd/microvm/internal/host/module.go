package host

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Module is the part of KVM that knows the processor.
type Module struct {
	Name    string `json:"name"` // as the kernel spells it; empty where it cannot be told
	Meaning string `json:"meaning"`
	// Nested is the module's parameter of that name: whether guests may have
	// guests. Empty where the module has none.
	Nested string `json:"nested,omitempty"`

	vendors []string // of processors it serves; nil for any
}

// EmulatesKernelMode reports whether the module is known to emulate guest kernel
// mode. Measuring is surer, and takes longer.
func (m Module) EmulatesKernelMode() bool { return m.Name == "kvm_pvm" }

// module finds the module in use in a tree like /sys. A kernel with several
// inside shows them all, so the processor's vendor has a say.
func module(sysfs fs.FS, vendor string) Module {
	for _, m := range modules {
		dir := path.Join("module", m.Name)
		if _, err := fs.Stat(sysfs, dir); err != nil || m.vendors != nil && !slices.Contains(m.vendors, vendor) {
			continue
		}
		// Absent where the module has no such thing.
		nested, _ := fs.ReadFile(sysfs, path.Join(dir, "parameters", "nested"))
		m.Nested = strings.TrimSpace(string(nested))
		return m
	}
	return Module{Meaning: "part of the kernel itself, or hidden from here"}
}

// Words describes the module in one line.
func (m Module) Words() string {
	words := m.Meaning
	if m.Name != "" {
		words = m.Name + ": " + words
	}
	switch m.Nested {
	case "":
	case "1", "Y":
		words += "; guests may have guests"
	default:
		words += "; guests may not have guests"
	}
	return words
}
