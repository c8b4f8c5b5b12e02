package acpi

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// full describes one of everything, with names and lengths at their corners.
func full() Machine {
	m := Machine{
		CPUs: 8, LAPICAddr: 0xfee00000, IOAPICAddr: 0xfec00000,
		SleepControlPort: 0x600, SleepStatusPort: 0x601, ResetPort: 0x602, ResetValue: 1,
		Serial: []Serial{{0x3f8, 4}, {0x2f8, 3}},
		RTC:    true, RTCPort: 0x70, RTCGSI: 8, I8042: true, I8042GSI: 1, PowerButtonGSI: 9,
	}
	for i := range uint64(20) {
		m.Virtio = append(m.Virtio, Virtio{Addr: 0xd0000000 + i*0x1000, Size: 0x200, GSI: uint32(10 + i), Level: i%2 == 1})
	}
	m.Virtio = append(m.Virtio, Virtio{Addr: 0x80_0000_0000, Size: 0x1000, GSI: 99})
	return m
}

// machines are the descriptions that tables are checked for: few and many vCPUs,
// with and without virtio devices, nothing but vCPUs, and more vCPUs than short
// MADT entries can name.
func machines() map[string]Machine {
	one, eight, many := full(), full(), full()
	one.CPUs, eight.Virtio, many.CPUs = 1, nil, 300
	oneBare := eight
	oneBare.CPUs = 1
	return map[string]Machine{
		"minimal": {CPUs: 1, LAPICAddr: 0xfee00000, IOAPICAddr: 0xfec00000},
		"8 CPUs":  eight, "8 CPUs, virtio": full(), "1 CPU": oneBare, "1 CPU, virtio": one, "300 CPUs": many,
	}
}

func build(t *testing.T, m Machine) *Tables {
	t.Helper()
	tables, err := Build(m, 0xe0000, 0x20000)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// needIASL skips where iasl is missing; KVM_TEST_REQUIRE=1 makes that a failure.
func needIASL(t *testing.T) string {
	t.Helper()
	p, err := exec.LookPath("iasl")
	if err == nil {
		return p
	}
	const remedy = "iasl is missing: apt-get install acpica-tools"
	if os.Getenv("KVM_TEST_REQUIRE") == "1" {
		t.Fatal(remedy)
	}
	t.Skip(remedy)
	return ""
}

// iasl runs the tool in dir and fails on anything it calls an error or a warning.
func iasl(t *testing.T, tool, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("iasl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "0 Errors") && strings.Contains(line, "0 Warnings") {
			continue
		}
		if strings.Contains(line, "Error") || strings.Contains(line, "Warning") || strings.Contains(line, "Invalid") {
			t.Errorf("iasl %s: %s\n%s", strings.Join(args, " "), line, out)
		}
	}
	return string(out)
}

// TestIASL has the reference compiler read every table and compile what it read.
func TestIASL(t *testing.T) {
	tool := needIASL(t)
	for label, m := range machines() {
		for sig, table := range build(t, m).Named {
			t.Run(label+"/"+sig, func(t *testing.T) { roundTrip(t, tool, sig, table) })
		}
	}
}

func roundTrip(t *testing.T, tool, sig string, table []byte) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in.aml"), table, 0o600); err != nil {
		t.Fatal(err)
	}
	iasl(t, tool, dir, "-d", "in.aml")
	iasl(t, tool, dir, "-p", "out", "in.dsl")
	out, err := os.ReadFile(filepath.Join(dir, "out.aml"))
	if err != nil {
		t.Fatal(err)
	}
	want, got := body(table), body(out)
	if len(want) != len(got) {
		t.Fatalf("%s: iasl compiles it to %d bytes, not %d", sig, len(got), len(want))
	}
	for i := range want {
		if want[i] != got[i] {
			t.Fatalf("%s: iasl compiles it to % x at offset %#x, not % x", sig, got[i:min(i+16, len(got))], i, want[i:min(i+16, len(want))])
		}
	}
}

// body leaves out what iasl fills in by itself: checksum and creator.
func body(table []byte) []byte {
	b := bytes.Clone(table)
	b[9] = 0
	clear(b[28:36])
	return b
}
