package main

import (
	"fmt"
	"slices"
	"strings"
)

// page is docs/coverage.md.
func (m *model) page() []byte {
	var b strings.Builder
	b.WriteString(`<!-- Written by internal/cmd/coverage; do not edit. -->
# Coverage

What the kernel's KVM headers hold, what this module has for it, and which test did
it on a real KVM, in which lane. A test fails when something is missing here.

`)
	fmt.Fprintf(&b, "Headers: linux-libc-dev %s. Lanes:\n\n| lane | architecture | Linux |\n|---|---|---|\n", m.headers.version)
	for _, r := range m.lanes {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.lane, r.goarch, r.kernel)
	}
	b.WriteString(`
*host* is the /dev/kvm of the machine that recorded; the others are the [rig](rig.md)'s.
A test named is one of those that did it, and it succeeded: the kernel's answer was no
error. "~" is before a test that was the last one seen when a goroutine without a
test on its stack did it. *Not yet* is nowhere but in a build that is not finished.

`)
	m.pageSummary(&b)
	for _, kind := range kinds {
		m.pageIoctls(&b, kind)
	}
	m.pageExits(&b)
	m.pageDevices(&b)
	m.pageGroups(&b)
	m.pageCaps(&b)
	m.pageStructs(&b)
	return []byte(b.String())
}

// tally counts rows.
type tally struct{ rows, methods, done, excused int }

func (m *model) pageSummary(b *strings.Builder) {
	b.WriteString("| what | rows | in Go | done in a lane | no lane can |\n|---|---|---|---|---|\n")
	line := func(what string, t tally) {
		fmt.Fprintf(b, "| %s | %d | %d | %d | %d |\n", what, t.rows, t.methods, t.done, t.excused)
	}
	var ioctls, exits, devices, groups tally
	count := func(t *tally, inGo bool, what, name, kind string, on []string) {
		t.rows++
		if inGo {
			t.methods++
		}
		if len(look(m.lanes, what, name, kind).lanes) > 0 {
			t.done++
		} else if m.excuse(what, name, kind, on) != "" {
			t.excused++
		}
	}
	for _, i := range m.headers.ioctls {
		count(&ioctls, len(m.methodNames(i)) > 0, whatIoctl, i.c, strings.ToLower(i.kind), i.present())
	}
	for _, k := range m.headers.exits {
		count(&exits, m.accessor(k) != "", whatExit, k.c, "", nil)
	}
	for _, k := range m.headers.devices() {
		count(&devices, true, whatDevice, k.c, "", nil)
	}
	for _, k := range m.headers.groups() {
		count(&groups, true, whatGroup, k.c, "", k.archs)
	}
	line("ioctls, by descriptor", ioctls)
	line("exits", exits)
	line("device types", devices)
	line("attribute groups", groups)
	fmt.Fprintf(b, "| capabilities | %d | %d | | |\n", len(m.headers.caps), len(m.headers.caps))
	fmt.Fprintf(b, "| structs | %d | %d | | |\n", len(m.headers.structs), len(m.headers.structs))
}

// methodNames are the methods for an ioctl on any architecture.
func (m *model) methodNames(i *ioctl) []string {
	var names []string
	for _, arch := range i.archs {
		names = append(names, m.code.methodsFor(i, arch)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (m *model) pageIoctls(b *strings.Builder, kind string) {
	fmt.Fprintf(b, "\n## Ioctls: %s\n\n| ioctl | architectures | Go | done by |\n|---|---|---|---|\n",
		map[string]string{"System": "/dev/kvm", "VM": "VM", "VCPU": "vCPU", "Device": "device"}[kind])
	for _, i := range m.headers.ioctls {
		if i.kind != kind {
			continue
		}
		evidence := []string{"uapi." + i.golang}
		names := m.methodNames(i)
		for _, name := range names {
			_, method, _ := strings.Cut(name, ".")
			evidence = append(evidence, "."+method)
		}
		on := archList(i.archs)
		if len(i.absent) > 0 {
			on = archList(i.present()) + "; refused elsewhere"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", i.c, on, m.goCell(i, names),
			m.doneCell(whatIoctl, i.c, strings.ToLower(kind), i.present(), evidence...))
	}
}

// goCell names methods, and architectures where there is none.
func (m *model) goCell(i *ioctl, names []string) string {
	if len(names) == 0 {
		return "not yet"
	}
	cell := strings.Join(names, ", ")
	var without []string
	for _, arch := range i.present() {
		if len(m.code.methodsFor(i, arch)) == 0 {
			without = append(without, arch)
		}
	}
	if len(without) > 0 {
		cell += "; not yet on " + strings.Join(without, ", ")
	}
	return cell
}

// doneCell says which test did something, or why none.
func (m *model) doneCell(what, name, kind string, on []string, evidence ...string) string {
	o := look(m.lanes, what, name, kind)
	if len(o.lanes) > 0 {
		return o.byTest()
	}
	why := m.excuse(what, name, kind, on)
	if why == "" {
		return "not yet"
	}
	if what == whatIoctl || what == whatExit {
		if test := m.encoding(evidence); test != "" {
			why += ". Encoding: " + strings.ReplaceAll(test, "_", "\\_")
		} else {
			why += ". Encoding: not yet"
		}
	}
	return why
}

// archList is short for all of them.
func archList(list []string) string {
	if len(list) == len(archs) {
		return "all"
	}
	return strings.Join(list, ", ")
}

func (m *model) pageExits(b *strings.Builder) {
	b.WriteString("\n## Exits\n\n| reason | Go | seen by |\n|---|---|---|\n")
	for _, k := range m.headers.exits {
		accessor := m.accessor(k)
		if accessor == "" {
			accessor = "not yet"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", k.c, accessor, m.doneCell(whatExit, k.c, "", nil, exitEvidence(k)...))
	}
}

func (m *model) pageDevices(b *strings.Builder) {
	b.WriteString("\n## Device types\n\nVM.CreateDevice takes each; the last column is by whom one was made.\n\n| type | Go | also | made by |\n|---|---|---|---|\n")
	for _, k := range m.headers.devices() {
		fmt.Fprintf(b, "| %s | uapi.%s | %s | %s |\n", k.c, k.golang, strings.Join(m.code.users(k.golang), ", "), m.doneCell(whatDevice, k.c, "", nil))
	}
}

func (m *model) pageGroups(b *strings.Builder) {
	b.WriteString("\n## Attribute groups\n\nHasAttr, Attr and SetAttr of the object take each.\n\n| group | of | architectures | Go | also | used by |\n|---|---|---|---|---|---|\n")
	for _, k := range m.headers.groups() {
		o, _ := ownerOf(k.c)
		of := o.kind
		if o.kind == "Device" {
			of = strings.ReplaceAll(strings.Join(o.fds, ", "), "*", "\\*")
		}
		fmt.Fprintf(b, "| %s | %s | %s | uapi.%s | %s | %s |\n", k.c, of, archList(k.archs), k.golang,
			strings.Join(m.code.users(k.golang), ", "), m.doneCell(whatGroup, k.c, "", k.archs))
	}
}

func (m *model) pageCaps(b *strings.Builder) {
	b.WriteString(`
## Capabilities

CheckExtension asks for each, on the system and on a VM; EnableCap enables what can
be. "Methods" are those that need it, or are about it. "There" are lanes where the
kernel says yes to it, on a VM or for the host; "enabled by" are tests.

| capability | Go | methods | there | enabled by |
|---|---|---|---|---|
`)
	for _, k := range m.headers.caps {
		fmt.Fprintf(b, "| %s | uapi.%s | %s | %s | %s |\n", k.c, k.golang, strings.Join(m.capMethods(k), ", "),
			strings.Join(look(m.lanes, whatCap, k.c, "").lanes, ", "), look(m.lanes, whatEnable, k.c, "").byTest())
	}
}

// capMethods are the methods whose documentation names a capability.
func (m *model) capMethods(k *constant) []string {
	var names []string
	for _, method := range m.code.methods {
		if slices.Contains(method.caps, k.c) {
			names = append(names, method.name)
		}
	}
	return names
}

func (m *model) pageStructs(b *strings.Builder) {
	b.WriteString(`
## Structs

Those with a name of their own in C; package uapi has a type for the members without
one, too. Sizes and offsets are held by assertions at compile time.

| struct | architectures | Go | used by |
|---|---|---|---|
`)
	for _, r := range m.headers.structs {
		fmt.Fprintf(b, "| %s | %s | uapi.%s | %s |\n", r.c, archList(r.archs), r.golang, m.structCell(r))
	}
}

// maxUsers is how many functions a row names.
const maxUsers = 4

func (m *model) structCell(r *record) string {
	users := m.code.users(r.golang)
	outer := m.container(r)
	switch {
	case len(users) > maxUsers:
		return fmt.Sprintf("%s and %d more", strings.Join(users[:maxUsers], ", "), len(users)-maxUsers)
	case len(users) > 0:
		return strings.Join(users, ", ")
	case outer != "":
		return "inside " + outer
	}
	if why := m.excuse("struct", r.c, "", nil); why != "" {
		return why
	}
	return "not yet"
}
