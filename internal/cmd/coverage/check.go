package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// model is all that the table is made of.
type model struct {
	headers    *headers
	code       *code
	tests      *tests
	lanes      []*laneRecords
	exceptions []exception
}

// problem is something that is missing. Its key is what the list of what is not
// yet there has of it.
type problem struct{ key, text string }

// check finds what the headers hold and the table cannot show.
func (m *model) check() []problem {
	var all []problem
	for _, i := range m.headers.ioctls {
		all = append(all, m.checkIoctl(i)...)
	}
	for _, k := range m.headers.exits {
		all = append(all, m.checkExit(k)...)
	}
	for _, k := range m.headers.caps {
		if k.golang == "" {
			all = append(all, problem{"constant " + k.c, k.c + " has no constant in package uapi"})
		}
	}
	for _, k := range m.headers.devices() {
		all = append(all, m.done(whatDevice, k.c, "", nil, "uapi."+k.golang)...)
	}
	for _, k := range m.headers.groups() {
		all = append(all, m.done(whatGroup, k.c, "", k.archs, "uapi."+k.golang)...)
	}
	for _, text := range m.headers.unplaced() {
		all = append(all, problem{"group " + strings.Fields(text)[0], text})
	}
	for _, r := range m.headers.structs {
		all = append(all, m.checkStruct(r)...)
	}
	all = append(all, m.checkMethods()...)
	all = append(all, m.checkRecords()...)
	return append(all, m.checkExceptions()...)
}

// checkIoctl wants a method on every architecture, and a test that it worked.
func (m *model) checkIoctl(i *ioctl) []problem {
	var list []problem
	kind := strings.ToLower(i.kind)
	var methods []string
	for _, arch := range i.archs {
		found := m.code.methodsFor(i, arch)
		methods = append(methods, found...)
		if slices.Contains(i.absent, arch) {
			if len(found) > 0 {
				list = append(list, problem{fmt.Sprintf("absence %s %s", i.c, arch),
					fmt.Sprintf("exceptions.go says that %s refuses %s, and %s is there", arch, i.c, found[0])})
			}
			continue
		}
		switch {
		case len(found) == 0:
			list = append(list, problem{fmt.Sprintf("method %s %s %s", i.c, kind, arch),
				fmt.Sprintf("%s (%s) has no method on %s", i.c, kind, arch)})
		case !m.code.issued(i, arch):
			list = append(list, problem{fmt.Sprintf("issue %s %s %s", i.c, kind, arch),
				fmt.Sprintf("%s says that it is %s (%s), and nothing passes uapi.%s on %s", found[0], i.c, kind, i.golang, arch)})
		}
	}
	evidence := []string{"uapi." + i.golang}
	for _, name := range methods {
		_, method, _ := strings.Cut(name, ".")
		evidence = append(evidence, "."+method)
	}
	return append(list, m.done(whatIoctl, i.c, kind, i.present(), evidence...)...)
}

// present are the architectures whose KVM has the ioctl.
func (i *ioctl) present() []string {
	var list []string
	for _, arch := range i.archs {
		if !slices.Contains(i.absent, arch) {
			list = append(list, arch)
		}
	}
	return list
}

func (m *model) checkExit(k *constant) []problem {
	if m.accessor(k) == "" {
		return []problem{{"accessor " + k.c, k.c + ": Exit has no method of that name"}}
	}
	return m.done(whatExit, k.c, "", nil, exitEvidence(k)...)
}

// exitEvidence is what a test of a reason names. One test goes through all.
func exitEvidence(k *constant) []string { return []string{"uapi." + k.golang, "uapi.ExitReasons"} }

// accessor is the method of Exit for a reason.
func (m *model) accessor(k *constant) string {
	return m.code.accessors[strings.ReplaceAll(strings.TrimPrefix(k.c, "KVM_EXIT_"), "_", "")]
}

// done wants a test that did something in a lane, or a reason why none can and a
// test of the encoding: one that names any of the evidence.
func (m *model) done(what, name, kind string, on []string, evidence ...string) []problem {
	key := strings.TrimSpace(what + " " + name + " " + kind)
	title := name
	if kind != "" {
		title += " (" + kind + ")"
	}
	if o := look(m.lanes, what, name, kind); len(o.lanes) > 0 {
		return nil
	} else if m.excuse(what, name, kind, on) == "" {
		text := title + " worked in no lane: a test that does it, and `make coverage`; or a reason in exceptions.go"
		if len(o.refused) > 0 {
			text += " (it was tried: " + strings.Join(o.refused, ", ") + ")"
		}
		return []problem{{"lane " + key, text}}
	}
	if what != whatIoctl && what != whatExit {
		return nil // a number and bytes: package uapi's tests have it
	}
	if m.encoding(evidence) == "" {
		return []problem{{"encoding " + key, title + " worked in no lane, and no test without a kernel names it either (" + strings.Join(evidence, ", ") + ")"}}
	}
	return nil
}

// otherwise are tests that name everything and look at something else.
var otherwise = regexp.MustCompile(`Allocat|SaysNothing`)

// encoding is a test that names any of the evidence.
func (m *model) encoding(evidence []string) string {
	for _, e := range evidence {
		for _, test := range m.tests.mentions[e] {
			if !otherwise.MatchString(test) {
				return test
			}
		}
	}
	return ""
}

// checkStruct wants a use in package kvm, or a reason why there is none.
func (m *model) checkStruct(r *record) []problem {
	if r.golang == "" {
		return []problem{{"type " + r.c, "struct " + r.c + " has no type in package uapi"}}
	}
	if len(m.code.users(r.golang)) > 0 || m.container(r) != "" || m.excuse("struct", r.c, "", nil) != "" {
		return nil
	}
	return []problem{{"struct " + r.c, fmt.Sprintf("struct %s: package kvm does not use uapi.%s, nor is there a reason in exceptions.go", r.c, r.golang)}}
}

// container is what leads to the struct and is in use, "" if there is nothing: a
// struct, or the buffer of several structs together.
func (m *model) container(r *record) string {
	names := map[string]string{}
	for _, outer := range m.headers.structs {
		names[outer.golang] = outer.c
	}
	// From the struct outwards, nearest first.
	seen, near := map[string]bool{r.golang: true}, []string{r.golang}
	for len(near) > 0 {
		var next []string
		for outer, inside := range m.headers.inside {
			if !seen[outer] && slices.ContainsFunc(near, func(name string) bool { return inside[name] }) {
				seen[outer] = true
				next = append(next, outer)
			}
		}
		slices.Sort(next)
		for _, outer := range next {
			switch used := len(m.code.users(outer)) > 0; {
			case used && names[outer] != "":
				return names[outer]
			case used && m.headers.buffers[outer]:
				return "uapi." + outer + "Buffer"
			}
		}
		near = next
	}
	return ""
}

// checkMethods finds documentation that names what the headers do not have.
func (m *model) checkMethods() []problem {
	var list []problem
	for _, method := range m.code.methods {
		for _, c := range method.ioctls {
			for _, kind := range method.kinds {
				if !slices.ContainsFunc(m.headers.ioctls, func(i *ioctl) bool { return i.c == c && strings.ToLower(i.kind) == kind }) {
					list = append(list, problem{"doc " + method.name, fmt.Sprintf("%s says that it is %s (%s), which the headers do not have", method.name, c, kind)})
				}
			}
		}
	}
	return list
}

// checkRecords finds records of what is not there any more.
func (m *model) checkRecords() []problem {
	var list []problem
	reported := map[string]bool{}
	for _, r := range m.lanes {
		for _, e := range r.entries {
			test := strings.TrimPrefix(e.test, guessed)
			if test == "-" || m.tests.names[test] || reported[test] {
				continue
			}
			reported[test] = true
			list = append(list, problem{"test " + test, fmt.Sprintf("lane %s has records of %s, and there is no such test: `make coverage` records anew", r.lane, test)})
		}
	}
	return list
}

// checkExceptions finds rows that are not needed, or not true.
func (m *model) checkExceptions() []problem {
	var list []problem
	for _, e := range m.exceptions {
		if reasons[e.reason] == "" {
			list = append(list, problem{"reason " + e.reason, fmt.Sprintf("exceptions.go: there is no reason %q", e.reason)})
		}
		found := false
		for _, name := range m.namesOf(e.what) {
			if !e.covers(e.what, name, e.kind) {
				continue
			}
			found = true
			if o := look(m.lanes, e.what, name, e.kind); len(o.lanes) > 0 {
				list = append(list, problem{"exception " + name, fmt.Sprintf("exceptions.go says that no lane does %s, and %s did", name, o.byTest())})
			}
		}
		if !found {
			list = append(list, problem{"exception " + e.name, fmt.Sprintf("exceptions.go has a row for %s %s, which the headers do not have", e.what, e.name)})
		}
	}
	for c, on := range absences {
		for _, arch := range on {
			if !slices.ContainsFunc(m.headers.ioctls, func(i *ioctl) bool { return i.c == c && slices.Contains(i.archs, arch) }) {
				list = append(list, problem{"absence " + c, fmt.Sprintf("exceptions.go says that %s refuses %s, which the headers do not have there", arch, c)})
			}
		}
	}
	return list
}

func (m *model) namesOf(what string) []string {
	var names []string
	constants := func(list []*constant) []string {
		for _, k := range list {
			names = append(names, k.c)
		}
		return names
	}
	switch what {
	case whatIoctl:
		for _, i := range m.headers.ioctls {
			names = append(names, i.c)
		}
	case whatExit:
		return constants(m.headers.exits)
	case whatDevice:
		return constants(m.headers.devices())
	case whatGroup:
		return constants(m.headers.groups())
	case "struct":
		for _, r := range m.headers.structs {
			names = append(names, r.c)
		}
	}
	return names
}
