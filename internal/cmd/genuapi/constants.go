package main

import (
	"fmt"
	"strings"
)

// constant is an integer constant under its Go name.
type constant struct {
	c, golang string
	value     integer
	text      string // of the value, in Go
}

const (
	capPrefix  = "KVM_CAP_"
	exitPrefix = "KVM_EXIT_"
)

// sorted are the constants of one architecture by what they are for.
type sorted struct {
	caps, exits, others []constant
	ioctls              map[fdKind][]constant
}

// sortConstants names the constants of an architecture.
func sortConstants(f *facts) (*sorted, error) {
	s := &sorted{ioctls: map[fdKind][]constant{}}
	seen := map[string]integer{}
	add := func(m macro, enumTag string) error {
		if v, ok := seen[m.name]; ok {
			if v != m.value {
				return fmt.Errorf("%s: %s has two values", f.target.goarch, m.name)
			}
			return nil // "#define X X" after an enum
		}
		seen[m.name] = m.value
		return s.add(f, m, enumTag)
	}
	for _, e := range f.enums {
		for _, m := range e.members {
			if err := add(m, e.tag); err != nil {
				return nil, err
			}
		}
	}
	for _, m := range f.macros {
		if err := add(m, ""); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *sorted) add(f *facts, m macro, enumTag string) error {
	k := constant{c: m.name, value: m.value, text: valueText(m)}
	switch {
	case m.ioctl != nil:
		return s.addIoctl(f, m)
	case strings.HasPrefix(m.name, capPrefix):
		k.golang = "Cap" + goName(strings.TrimPrefix(m.name, capPrefix))
		s.caps = append(s.caps, k)
	case isExitReason(f, m.name):
		k.golang = "Exit" + goName(strings.TrimPrefix(m.name, exitPrefix))
		s.exits = append(s.exits, k)
	default:
		k.golang = constantName(m.name, enumTag)
		s.others = append(s.others, k)
	}
	return nil
}

func (s *sorted) addIoctl(f *facts, m macro) error {
	p, ok := places[m.name]
	if !ok {
		return fmt.Errorf("the ioctl %s has no row in places: which descriptors does it live on?", m.name)
	}
	if !p.has(f.target.kernel) {
		return nil
	}
	for _, kind := range p.kinds {
		name := "Ioctl" + string(kind) + goName(strings.TrimPrefix(m.name, "KVM_"))
		s.ioctls[kind] = append(s.ioctls[kind], constant{m.name, name, m.value, fmt.Sprintf("%#x", m.value.bits)})
	}
	return nil
}

func (p place) has(arch string) bool {
	for _, a := range p.archs {
		if a == arch {
			return true
		}
	}
	return len(p.archs) == 0
}

// isExitReason tells an exit reason from a value within the details of one,
// whose name continues that of the reason: KVM_EXIT_IO and KVM_EXIT_IO_OUT.
func isExitReason(f *facts, name string) bool {
	if !strings.HasPrefix(name, exitPrefix) {
		return false
	}
	for _, m := range f.macros {
		if strings.HasPrefix(m.name, exitPrefix) && strings.HasPrefix(name, m.name+"_") {
			return false
		}
	}
	return true
}

// checkPlaces finds rows for ioctls that no architecture has.
func checkPlaces(all []*facts) error {
	known := map[string]bool{}
	for _, f := range all {
		for _, m := range f.macros {
			known[m.name] = known[m.name] || m.ioctl != nil
		}
	}
	for name := range places {
		if !known[name] {
			return fmt.Errorf("places has a row for %s, which is no ioctl", name)
		}
	}
	return nil
}

// valueText writes a value as its reader expects it: in hexadecimal where the
// header does so or builds it of bits.
func valueText(m macro) string {
	if m.value.negative {
		return fmt.Sprintf("%d", int64(m.value.bits))
	}
	body := strings.ToLower(m.body)
	hex := m.value.bits > 1<<24
	for _, sign := range []string{"0x", "<<", "_bit", "genmask"} {
		hex = hex || strings.Contains(body, sign)
	}
	if hex {
		return fmt.Sprintf("%#x", m.value.bits)
	}
	return fmt.Sprintf("%d", m.value.bits)
}
