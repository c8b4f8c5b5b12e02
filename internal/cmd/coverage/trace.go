package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The recorder's lines, as in internal/sys behind the build tag kvmtrace.
type (
	traceHeader struct{ GOARCH, Kernel string }
	traceLine   struct {
		Test, FD, Errno, Detail string
		Guess, Yes              bool
		Request                 uint64
		Value                   uint32
	}
)

// readTrace makes a lane's records of what the recorder wrote there.
func readTrace(h *headers, lane, dir string) (*laneRecords, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no records; were the tests built with the tag kvmtrace?", dir)
	}
	t := translator{h: h, found: map[entry]bool{}}
	for _, path := range paths {
		if err := t.file(path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return &laneRecords{lane: lane, goarch: t.goarch, kernel: t.kernel, entries: choose(t.found)}, nil
}

// translator turns numbers into names.
type translator struct {
	h              *headers
	goarch, kernel string
	found          map[entry]bool
}

func (t *translator) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	var head traceHeader
	if err := d.Decode(&head); err != nil {
		return fmt.Errorf("the header: %w", err)
	}
	if t.goarch != "" && t.goarch != head.GOARCH {
		return fmt.Errorf("is of %s, and others of this lane are of %s", head.GOARCH, t.goarch)
	}
	t.goarch, t.kernel = head.GOARCH, majorMinor(head.Kernel)
	for {
		var l traceLine
		switch err := d.Decode(&l); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil // killed in the middle of a line, maybe
		case err != nil:
			return err
		}
		if err := t.line(l); err != nil {
			return err
		}
	}
}

// majorMinor is "6.1" of "6.1.0-32-cloud-amd64": the rest is one machine's.
func majorMinor(release string) string {
	parts := strings.SplitN(release, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

func (t *translator) line(l traceLine) error {
	test := strings.TrimPrefix(l.Test, module+"/")
	if test == "" {
		return nil // from before the first test
	}
	if l.Guess {
		test = guessed + test
	}
	result := cmp.Or(l.Errno, resultOK)
	add := func(what, name, kind, result string) {
		t.found[entry{what, name, cmp.Or(kind, "-"), result, test}] = true
	}
	if l.Detail == "exit" {
		name := nameOf(t.h.exits, t.goarch, uint64(l.Value))
		if name == "" {
			return nil // a number that no header has says nothing
		}
		add(whatExit, name, "", resultOK)
		return nil
	}
	kind := kindOf(l.FD)
	i := t.ioctl(kind, l.Request)
	if i == nil {
		if l.Errno == "" {
			return fmt.Errorf("%s: the ioctl %#x on %s succeeded, and the headers have none of that number", l.Test, l.Request, l.FD)
		}
		return nil // tests make mistakes on purpose
	}
	add(whatIoctl, i.c, strings.ToLower(kind), result)
	t.detail(l, i, kind, result, add)
	return nil
}

// detail adds what the argument says.
func (t *translator) detail(l traceLine, i *ioctl, kind, result string, add func(what, name, kind, result string)) {
	lower := strings.ToLower(kind)
	switch l.Detail {
	case "cap":
		name := nameOf(t.h.caps, t.goarch, uint64(l.Value))
		switch {
		case name == "":
		case i.c == "KVM_CHECK_EXTENSION" && l.Yes:
			t.found[entry{whatCap, name, "-", resultYes, "-"}] = true
		case i.c == "KVM_ENABLE_CAP":
			add(whatEnable, name, lower, result)
		}
	case "device":
		if name := nameOf(t.h.devices(), t.goarch, uint64(l.Value)); name != "" {
			if l.Errno == "" && !l.Yes {
				result = resultKnown
			}
			add(whatDevice, name, lower, result)
		}
	case "group":
		if g := groupOf(t.h, t.goarch, kind, l.FD, uint64(l.Value)); g != "" {
			add(whatGroup, g, lower, result)
		}
	}
}

// kindOf is the kind of descriptor behind the kernel's name for it. Devices are
// all the rest: kvm-vfio, kvm-arm-vgic-v3, ...
func kindOf(fd string) string {
	name := strings.TrimPrefix(fd, "anon_inode:")
	switch {
	case name == "kvm-vm":
		return "VM"
	case strings.HasPrefix(name, "kvm-vcpu:"):
		return "VCPU"
	case name != fd:
		return "Device"
	default:
		return "System"
	}
}

func (t *translator) ioctl(kind string, request uint64) *ioctl {
	for _, i := range t.h.ioctls {
		if n, ok := i.numbers[t.goarch]; ok && i.kind == kind && n == request {
			return i
		}
	}
	return nil
}

// nameOf is the constant of a value.
func nameOf(list []*constant, arch string, value uint64) string {
	for _, k := range list {
		if v, ok := k.values[arch]; ok && v == value {
			return k.c
		}
	}
	return ""
}

// maxTests is how many tests are kept of one thing.
const maxTests = 3

// choose keeps a few tests of everything, those that do the least besides: they
// are most likely about it. What succeeded needs no failures.
func choose(found map[entry]bool) []entry {
	breadth := map[string]int{}
	groups := map[entry][]string{}
	succeeded := map[entry]bool{}
	for e := range found {
		if e.what == whatIoctl {
			breadth[e.test]++
		}
		key := e
		key.test = ""
		groups[key] = append(groups[key], e.test)
		if e.result == resultOK {
			key.result = ""
			succeeded[key] = true
		}
	}
	var list []entry
	for key, names := range groups {
		all := key
		all.result = ""
		if succeeded[all] && key.result != resultOK {
			continue
		}
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Or(
				cmp.Compare(strings.Count(a, guessed), strings.Count(b, guessed)),
				cmp.Compare(strings.Count(a, ".Example"), strings.Count(b, ".Example")),
				cmp.Compare(breadth[a], breadth[b]), strings.Compare(a, b))
		})
		for _, name := range names[:min(len(names), maxTests)] {
			key.test = name
			list = append(list, key)
		}
	}
	slices.SortFunc(list, entry.compare)
	return list
}
