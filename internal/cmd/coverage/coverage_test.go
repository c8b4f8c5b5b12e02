package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// loaded is the module as it is.
func loaded(t *testing.T) (*model, string) {
	t.Helper()
	if os.Getenv("KVM_TEST_LANE") != "" {
		t.Skip("needs the module's source, which the rig has not: run it in the source tree")
	}
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	m, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	return m, root
}

// TestCoverage is the check: everything in the headers has its counterpart and
// its row, and the table is up to date.
func TestCoverage(t *testing.T) {
	m, root := loaded(t)
	keys, err := loadNotYet(filepath.Join(root, ownDir, notYetFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.verify(root, keys); err != nil {
		t.Error(err)
	}
	if len(keys) > 0 {
		t.Logf("%d things are not yet there, and allowed for now by %s:\n%s", len(keys), notYetFile, strings.Join(keys, "\n"))
	}
}

// with is a copy of a model whose headers a test may add to.
func (m *model) with(change func(m *model)) *model {
	h := *m.headers
	h.ioctls, h.caps, h.exits = slices.Clip(h.ioctls), slices.Clip(h.caps), slices.Clip(h.exits)
	h.others, h.structs = slices.Clip(h.others), slices.Clip(h.structs)
	c := *m
	c.headers, c.exceptions, c.lanes = &h, slices.Clip(m.exceptions), slices.Clip(m.lanes)
	change(&c)
	return &c
}

func made(c, golang string) *constant {
	return &constant{c: c, golang: golang, archs: archs, values: map[string]uint64{"amd64": 999}}
}

// TestCheckBites adds to the headers, and takes from what there is for them: each
// must be found, and be in the way of a table that is up to date.
func TestCheckBites(t *testing.T) {
	m, root := loaded(t)
	run := func(lane string) *laneRecords {
		return &laneRecords{lane: lane, goarch: "s390x", kernel: "9.9", entries: []entry{
			{whatExit, "KVM_EXIT_S390_TSCH", "-", resultOK, "kvm.TestSeedAPIVersion"},
			{whatIoctl, "KVM_RUN", "vcpu", resultOK, "kvm.TestNoSuch"},
		}}
	}
	var all []string
	for _, p := range m.check() {
		all = append(all, p.key)
	}
	for key, change := range map[string]func(*model){
		"method KVM_FAKE vm riscv64": func(m *model) {
			m.headers.ioctls = append(m.headers.ioctls, &ioctl{c: "KVM_FAKE", kind: "VM", golang: "IoctlVMFake", archs: []string{"riscv64"}})
		},
		"lane ioctl KVM_FAKE vm": func(m *model) {
			m.headers.ioctls = append(m.headers.ioctls, &ioctl{c: "KVM_FAKE", kind: "VM", golang: "IoctlVMFake", archs: []string{"riscv64"}})
		},
		"encoding ioctl KVM_FAKE vm": func(m *model) {
			m.headers.ioctls = append(m.headers.ioctls, &ioctl{c: "KVM_FAKE", kind: "VM", golang: "IoctlVMFake", archs: []string{"s390x"}})
		},
		"issue KVM_RUN vcpu arm64": func(m *model) {
			for i, have := range m.headers.ioctls {
				if have.c == "KVM_RUN" {
					m.headers.ioctls = append(slices.Delete(slices.Clone(m.headers.ioctls), i, i+1),
						&ioctl{c: "KVM_RUN", kind: "VCPU", golang: "IoctlVCPURenamed", archs: []string{"arm64"}})
				}
			}
		},
		"accessor KVM_EXIT_FAKE": func(m *model) {
			m.headers.exits = append(m.headers.exits, made("KVM_EXIT_FAKE", "ExitFake"))
		},
		"lane exit KVM_EXIT_IO": func(m *model) { m.lanes = nil },
		"constant KVM_CAP_FAKE": func(m *model) {
			m.headers.caps = append(m.headers.caps, made("KVM_CAP_FAKE", ""))
		},
		"lane device KVM_DEV_TYPE_FAKE": func(m *model) {
			m.headers.others = append(m.headers.others, made("KVM_DEV_TYPE_FAKE", "DevTypeFake"))
		},
		"group KVM_DEV_ARM_FAKE_GRP_ADDR": func(m *model) {
			m.headers.others = append(m.headers.others, made("KVM_DEV_ARM_FAKE_GRP_ADDR", "Fake"))
		},
		"group KVM_DEV_FAKE_ADD": func(m *model) {
			m.headers.others = append(m.headers.others, made("KVM_DEV_FAKE_ADD", "Fake"))
		},
		"group KVM_RISCV_VCPU_FAKE_CTRL": func(m *model) {
			m.headers.others = append(m.headers.others, made("KVM_RISCV_VCPU_FAKE_CTRL", "Fake"))
		},
		"lane group KVM_DEV_XIVE_GRP_FAKE": func(m *model) {
			m.headers.others = append(m.headers.others, made("KVM_DEV_XIVE_GRP_FAKE", "Fake"))
		},
		"struct kvm_fake": func(m *model) {
			m.headers.structs = append(m.headers.structs, &record{c: "kvm_fake", golang: "Fake", archs: archs})
		},
		"type kvm_fake": func(m *model) {
			m.headers.structs = append(m.headers.structs, &record{c: "kvm_fake", archs: archs})
		},
		"doc VM.DirtyLog": func(m *model) {
			m.headers.ioctls = slices.DeleteFunc(slices.Clone(m.headers.ioctls), func(i *ioctl) bool { return i.c == "KVM_GET_DIRTY_LOG" })
		},
		"test kvm.TestNoSuch":          func(m *model) { m.lanes = append(m.lanes, run("fake")) },
		"exception KVM_EXIT_S390_TSCH": func(m *model) { m.lanes = append(m.lanes, run("fake")) },
		"exception KVM_FAKE": func(m *model) {
			m.exceptions = append(m.exceptions, exception{whatIoctl, "KVM_FAKE", "", "sev"})
		},
		"reason fake": func(m *model) {
			m.exceptions = append(m.exceptions, exception{whatExit, "KVM_EXIT_TDX", "", "fake"})
		},
	} {
		t.Run(strings.ReplaceAll(key, " ", "_"), func(t *testing.T) {
			changed := m.with(change)
			found := changed.check()
			if !slices.ContainsFunc(found, func(p problem) bool { return p.key == key }) {
				t.Errorf("not found")
			}
			if err := changed.verify(root, all); err == nil || !strings.Contains(err.Error(), "missing") {
				t.Errorf("the check says %v", err)
			}
		})
	}
}

// TestVerify: what is up to date passes, and everything that is not is named.
func TestVerify(t *testing.T) {
	m, _ := loaded(t)
	root := t.TempDir()
	page := filepath.Join(root, pageFile)
	if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range m.check() {
		all = append(all, p.key)
	}
	verify := func(want string, keys []string) {
		t.Helper()
		err := m.verify(root, keys)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	verify("no such file", all)
	if err := os.WriteFile(page, m.page(), 0o644); err != nil {
		t.Fatal(err)
	}
	verify("", all)
	verify("takes it off:\n\tmethod KVM_GONE vm amd64", append(slices.Clip(all), "method KVM_GONE vm amd64"))
	if len(all) > 0 {
		verify("1 things are missing", all[1:])
	}
	if err := os.WriteFile(page, append(m.page(), '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	verify("not up to date", all)
}

// TestPageHasEverything looks for a row of each thing.
func TestPageHasEverything(t *testing.T) {
	m, _ := loaded(t)
	page := string(m.page())
	rows := 0
	want := func(c, cell string) {
		rows++
		if !strings.Contains(page, "\n| "+c+" | ") || cell != "" && !strings.Contains(page, cell) {
			t.Errorf("no row for %s with %q", c, cell)
		}
	}
	for _, i := range m.headers.ioctls {
		want(i.c, "")
	}
	for _, list := range [][]*constant{m.headers.caps, m.headers.exits, m.headers.devices(), m.headers.groups()} {
		for _, k := range list {
			cell := "| uapi." + k.golang + " |"
			if strings.HasPrefix(k.c, "KVM_EXIT_") {
				cell = ""
			}
			want(k.c, cell)
		}
	}
	for _, r := range m.headers.structs {
		want(r.c, "| uapi."+r.golang+" |")
	}
	// What the headers of Linux 7.2 have.
	if rows < 700 {
		t.Errorf("only %d rows", rows)
	}
}

// TestHeaders looks at some facts.
func TestHeaders(t *testing.T) {
	m, _ := loaded(t)
	h := m.headers
	find := func(c, kind string) *ioctl {
		for _, i := range h.ioctls {
			if i.c == c && i.kind == kind {
				return i
			}
		}
		t.Fatalf("no %s (%s)", c, kind)
		return nil
	}
	if i := find("KVM_RUN", "VCPU"); len(i.archs) != len(archs) || i.numbers["amd64"] != 0xae80 || i.numbers["ppc64le"] != 0x2000ae80 {
		t.Errorf("%+v", i)
	}
	if i := find("KVM_S390_INTERRUPT", "VM"); !slices.Equal(i.archs, []string{"s390x"}) || i.golang != "IoctlVMS390Interrupt" {
		t.Errorf("%+v", i)
	}
	if i := find("KVM_TRANSLATE", "VCPU"); !slices.Equal(i.present(), []string{"amd64"}) {
		t.Errorf("%+v", i)
	}
	for c, inside := range map[string]string{"kvm_segment": "kvm_sregs", "kvm_msr_entry": "kvm_msrs", "kvm_irq_routing_msi": "kvm_irq_routing_entry"} {
		i := slices.IndexFunc(h.structs, func(r *record) bool { return r.c == c })
		if i < 0 || m.container(h.structs[i]) != inside {
			t.Errorf("%s is not inside %s", c, inside)
		}
	}
	if len(h.caps) < 240 || len(h.exits) < 44 || len(h.devices()) < 16 || len(h.groups()) < 60 || len(h.structs) < 190 {
		t.Errorf("%d capabilities, %d exits, %d devices, %d groups, %d structs", len(h.caps), len(h.exits), len(h.devices()), len(h.groups()), len(h.structs))
	}
}
