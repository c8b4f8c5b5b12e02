package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReadTrace makes records of what the recorder writes.
func TestReadTrace(t *testing.T) {
	m, _ := loaded(t)
	dir := t.TempDir()
	const test = `{"test":"linuxkvm/kvm.TestX",`
	lines := []string{
		`{"goarch":"amd64","kernel":"6.1.0-32-cloud-amd64"}`,
		test + `"fd":"/dev/kvm","request":44544}`,
		test + `"fd":"anon_inode:kvm-vcpu:0","request":44672}`,
		test + `"fd":"anon_inode:kvm-vcpu:0","request":44672,"errno":"EINTR"}`,
		test + `"fd":"anon_inode:kvm-vm","request":44707,"errno":"EINVAL"}`,
		test + `"fd":"anon_inode:kvm-vm","request":12345,"errno":"ENOTTY"}`,
		test + `"detail":"exit","value":2}`,
		test + `"detail":"exit","value":12345}`,
		test + `"fd":"/dev/kvm","request":44547,"detail":"cap","yes":true}`,
		test + `"fd":"/dev/kvm","request":44547,"detail":"cap","value":1}`,
		test + `"fd":"anon_inode:kvm-vm","request":1080602275,"detail":"cap","value":121}`,
		test + `"fd":"anon_inode:kvm-vm","request":3222056672,"detail":"device","value":4}`,
		test + `"fd":"anon_inode:kvm-vfio","request":1075359459,"detail":"group","value":1}`,
		`{"test":"linuxkvm/kvm.TestY","guess":true,"detail":"exit","value":2}`,
		`{"test":"","guess":true,"fd":"/dev/kvm","request":44545}`,
	}
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(append(lines, `{"test":"linuxkvm/kvm.Te`)...)
	r, err := readTrace(m.headers, "lane", dir)
	if err != nil {
		t.Fatal(err)
	}
	want := `lane lane amd64 6.1
cap KVM_CAP_IRQCHIP - yes -
device KVM_DEV_TYPE_VFIO vm known kvm.TestX
enable KVM_CAP_SPLIT_IRQCHIP vm ok kvm.TestX
exit KVM_EXIT_IO - ok kvm.TestX
exit KVM_EXIT_IO - ok ~kvm.TestY
group KVM_DEV_VFIO_FILE device ok kvm.TestX
ioctl KVM_HAS_DEVICE_ATTR device ok kvm.TestX
ioctl KVM_CHECK_EXTENSION system ok kvm.TestX
ioctl KVM_GET_API_VERSION system ok kvm.TestX
ioctl KVM_RUN vcpu ok kvm.TestX
ioctl KVM_CREATE_DEVICE vm ok kvm.TestX
ioctl KVM_ENABLE_CAP vm ok kvm.TestX
ioctl KVM_GET_TSC_KHZ vm EINVAL kvm.TestX
`
	if got := strings.TrimPrefix(string(r.bytes()), recordsHeader); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	roundTrip(t, r)
	for name, c := range map[string]struct {
		want  string
		lines []string
	}{
		"an unknown ioctl that succeeds": {"the headers have none", []string{lines[0], test + `"fd":"anon_inode:kvm-vm","request":12345}`}},
		"no header":                      {"header", []string{""}},
		"nonsense":                       {"invalid character", []string{lines[0], "nonsense"}},
	} {
		write(c.lines...)
		if _, err := readTrace(m.headers, "lane", dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := readTrace(m.headers, "lane", t.TempDir()); err == nil {
		t.Error("an empty directory: no error")
	}
}

// roundTrip writes records and reads them.
func roundTrip(t *testing.T, r *laneRecords) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "lane.txt"), r.bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	all, err := loadRecords(dir)
	if err != nil || len(all) != 1 || all[0].lane != r.lane || all[0].goarch != r.goarch || all[0].kernel != r.kernel || !slices.Equal(all[0].entries, r.entries) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lane.txt"), []byte("lane a b c\none two\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadRecords(dir); err == nil {
		t.Error("a line of two words: no error")
	}
}

func TestKindOf(t *testing.T) {
	for fd, want := range map[string]string{
		"/dev/kvm": "System", "anon_inode:kvm-vm": "VM", "anon_inode:kvm-vcpu:12": "VCPU",
		"anon_inode:kvm-vfio": "Device", "anon_inode:kvm-arm-vgic-v3": "Device",
	} {
		if got := kindOf(fd); got != want {
			t.Errorf("%s: %s, want %s", fd, got, want)
		}
	}
}

// TestChoose: few tests of each thing, those that are about it.
func TestChoose(t *testing.T) {
	found := map[entry]bool{}
	add := func(name, result string, tests ...string) {
		for _, test := range tests {
			found[entry{whatIoctl, name, "vm", result, test}] = true
		}
	}
	add("KVM_A", resultOK, "p.TestBroad", "p.TestAlone", "~p.TestGuessed", "p.TestTwo", "p.TestThree", "p.ExampleA")
	add("KVM_A", "EINVAL", "p.TestWrong")
	add("KVM_B", resultOK, "p.TestBroad", "p.TestTwo", "p.TestThree")
	add("KVM_C", resultOK, "p.TestBroad", "p.TestThree")
	add("KVM_D", "EINVAL", "p.TestBroad")
	var got []string
	for _, e := range choose(found) {
		got = append(got, e.name+" "+e.result+" "+e.test)
	}
	want := []string{
		"KVM_A ok p.TestAlone", "KVM_A ok p.TestThree", "KVM_A ok p.TestTwo",
		"KVM_B ok p.TestBroad", "KVM_B ok p.TestThree", "KVM_B ok p.TestTwo",
		"KVM_C ok p.TestBroad", "KVM_C ok p.TestThree",
		"KVM_D EINVAL p.TestBroad",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestByTest puts lanes together under as few tests as it takes.
func TestByTest(t *testing.T) {
	lane := func(name string, tests ...string) *laneRecords {
		r := &laneRecords{lane: name}
		for _, test := range tests {
			r.entries = append(r.entries, entry{whatIoctl, "KVM_A", "vm", resultOK, test})
		}
		return r
	}
	refused := &laneRecords{lane: "d", entries: []entry{{whatIoctl, "KVM_A", "vm", "EINVAL", "p.TestA"}}}
	all := []*laneRecords{lane("a", "p.TestA", "p.Test_B"), lane("b", "p.Test_B"), lane("c", "p.TestC"), refused}
	o := look(all, whatIoctl, "KVM_A", "vm")
	if got, want := o.byTest(), `p.Test\_B (a, b); p.TestC (c)`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if want := []string{"EINVAL in d"}; !slices.Equal(o.refused, want) {
		t.Errorf("%q, want %q", o.refused, want)
	}
	if o := look(all, whatIoctl, "KVM_A", "vcpu"); len(o.lanes) != 0 {
		t.Errorf("another kind: %+v", o)
	}
}

func TestGroupOf(t *testing.T) {
	m, _ := loaded(t)
	for _, c := range []struct {
		arch, kind, fd string
		value          uint64
		want           string
	}{
		{"arm64", "Device", "anon_inode:kvm-arm-vgic-v3", 4, "KVM_DEV_ARM_VGIC_GRP_CTRL"},
		{"arm64", "VCPU", "anon_inode:kvm-vcpu:0", 1, "KVM_ARM_VCPU_TIMER_CTRL"},
		{"amd64", "VCPU", "anon_inode:kvm-vcpu:0", 0, "KVM_VCPU_TSC_CTRL"},
		{"amd64", "System", "/dev/kvm", 1, "KVM_X86_GRP_SEV"},
		{"amd64", "Device", "anon_inode:kvm-vfio", 1, "KVM_DEV_VFIO_FILE"},
		{"ppc64le", "Device", "anon_inode:kvm-xive", 2, "KVM_DEV_XICS_GRP_CTRL"},
		{"ppc64le", "Device", "anon_inode:kvm-xive-native", 2, "KVM_DEV_XIVE_GRP_SOURCE"},
		{"amd64", "Device", "anon_inode:kvm-other", 1, ""},
		{"amd64", "VM", "anon_inode:kvm-vm", 1, ""},
	} {
		if got := groupOf(m.headers, c.arch, c.kind, c.fd, c.value); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestNotYet(t *testing.T) {
	path := filepath.Join(t.TempDir(), notYetFile)
	if keys, err := loadNotYet(path); err != nil || len(keys) != 0 {
		t.Errorf("no file: %v, %v", keys, err)
	}
	if err := saveNotYet(path, []string{"b", "a", "b"}); err != nil {
		t.Fatal(err)
	}
	keys, err := loadNotYet(path)
	if err != nil || !slices.Equal(keys, []string{"a", "b"}) {
		t.Errorf("%v, %v", keys, err)
	}
	allowed, missing, stale := settle([]problem{{"a", "A"}, {"c", "C"}}, keys)
	if len(allowed) != 1 || len(missing) != 1 || missing[0].key != "c" || !slices.Equal(stale, []string{"b"}) {
		t.Errorf("%v, %v, %v", allowed, missing, stale)
	}
	if err := saveNotYet(path, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("an empty list stays: %v", err)
	}
}
