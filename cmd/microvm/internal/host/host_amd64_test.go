package host

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"linuxkvm/uapi"
)

var update = flag.Bool("update", false, "write the golden file instead of comparing")

func TestModule(t *testing.T) {
	parameter := func(v string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(v + "\n")} }
	for name, c := range map[string]struct {
		sysfs  fstest.MapFS
		vendor string
		words  string
	}{
		"AMD": {fstest.MapFS{"module/kvm_amd/parameters/nested": parameter("1")}, "AuthenticAMD",
			"kvm_amd: AMD processors (SVM); guests may have guests"},
		"Intel": {fstest.MapFS{"module/kvm_intel/parameters/nested": parameter("N")}, "GenuineIntel",
			"kvm_intel: Intel processors (VMX); guests may not have guests"},
		"both inside the kernel": {fstest.MapFS{"module/kvm_intel/parameters/nested": parameter("Y"), "module/kvm_amd/parameters/nested": parameter("0")}, "GenuineIntel",
			"kvm_intel: Intel processors (VMX); guests may have guests"},
		"page tables only": {fstest.MapFS{"module/kvm_pvm/parameters/x": parameter("1"), "module/kvm_intel/parameters/nested": parameter("Y")}, "GenuineIntel",
			"kvm_pvm: page tables only, no help from the processor: guest kernel mode is emulated"},
		"none to be seen": {fstest.MapFS{"module/kvm/parameters/x": parameter("1")}, "GenuineIntel",
			"part of the kernel itself, or hidden from here"},
	} {
		if got := module(c.sysfs, c.vendor).Words(); got != c.words {
			t.Errorf("%s: %q, want %q", name, got, c.words)
		}
	}
}

func TestMeaningsAreOfCapabilities(t *testing.T) {
	known := map[string]bool{}
	for c := range uapi.Caps() {
		known[c.String()] = true
		if meanings[c.String()].words == "" && !foreign(c.String()) {
			t.Logf("%v has no meaning in words", c)
		}
	}
	for name, m := range meanings {
		if !known[name] {
			t.Errorf("%s: the headers have no such capability", name)
		}
		if m.words == "" || foreign(name) {
			t.Errorf("%s: %q", name, m.words)
		}
		if (m.bits != nil) != (m.unit == mask) {
			t.Errorf("%s: names of bits go with a mask", name)
		}
	}
}

func TestReadingOfValues(t *testing.T) {
	for _, c := range []struct {
		name  string
		value int
		want  string
	}{
		{"KVM_CAP_USER_MEMORY", 1, "yes"},
		{"KVM_CAP_USER_MEMORY", 0, "no"},
		{"KVM_CAP_IRQFD", 3, "yes (3)"},
		{"KVM_CAP_MAX_VCPUS", 1024, "1024"},
		{"KVM_CAP_XSAVE2", 4096, "4096 bytes"},
		{"KVM_CAP_VM_GPA_BITS", 46, "46 bits"},
		{"KVM_CAP_COALESCED_MMIO", 2, "page 2"},
		{"KVM_CAP_SYNC_REGS", 7, "general, system, events (0x7)"},
		{"KVM_CAP_X86_DISABLE_EXITS", 0x8000002, "HLT, bit 27 (0x8000002)"},
		{"KVM_CAP_X86_DISABLE_EXITS", -0x80000000, "bit 31 (0x80000000)"},
		{"KVM_CAP_OF_THE_FUTURE", 5, "yes (5)"},
	} {
		if got := describe(c.name, 1, c.value); got.Reading != c.want || got.Offered != (c.value != 0) || got.Value != c.value {
			t.Errorf("%s = %d: %+v, want %q", c.name, c.value, got, c.want)
		}
	}
}

func TestLimitsThatAreNotTold(t *testing.T) {
	for _, c := range []struct {
		in   Limits
		ids  int
		want Limits
	}{
		{Limits{}, 0, Limits{RecommendedVCPUs: 4, MaxVCPUs: 4, MaxVCPUID: 3}},
		{Limits{RecommendedVCPUs: 16}, 0, Limits{RecommendedVCPUs: 16, MaxVCPUs: 16, MaxVCPUID: 15}},
		{Limits{RecommendedVCPUs: 2, MaxVCPUs: 288}, 1023, Limits{RecommendedVCPUs: 2, MaxVCPUs: 288, MaxVCPUID: 1022}},
	} {
		got := c.in
		if got.fill(c.ids); got != c.want {
			t.Errorf("%+v, %d: %+v, want %+v", c.in, c.ids, got, c.want)
		}
	}
}

// sampleCPUID is of an imaginary processor.
var sampleCPUID = cpuid{
	{Function: 0, EBX: 0x68747541, EDX: 0x69746e65, ECX: 0x444d4163},
	{Function: 1, EAX: 0x00a20f12, EDX: 1<<0 | 1<<4 | 1<<25, ECX: 1<<0 | 1<<31},
	{Function: 7, Index: 0, Flags: uapi.CPUIDFlagSignifcantIndex, EBX: 1<<5 | 1<<20},
	{Function: 7, Index: 1, Flags: uapi.CPUIDFlagSignifcantIndex, EAX: 1 << 4},
	{Function: 0x40000001, EAX: 1<<0 | 1<<3 | 1<<24},
	{Function: 0x80000001, EDX: 1<<11 | 1<<29, ECX: 1 << 2},
	{Function: 0x80000002, EAX: 0x67616d49, EBX: 0x72616e69, ECX: 0x20202079, EDX: 0x55504320},
	{Function: 0x80000008, EAX: 0x3030},
}

func TestProcessor(t *testing.T) {
	want := CPU{
		Vendor: "AuthenticAMD", Name: "Imaginary CPU", Family: 25, Model: 33, Stepping: 2, PhysicalBits: 48, VirtualBits: 48,
		Features: []string{"fpu", "tsc", "sse", "sse3", "hypervisor", "syscall", "lm", "svm", "avx2", "smap", "avx_vnni"},
		KVM:      []string{"clocksource", "clocksource2", "clocksource_stable"},
	}
	if got := sampleCPUID.processor(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if got := (cpuid{}).processor(); got.Features == nil || got.KVM == nil || got.Vendor != "" {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestSignature(t *testing.T) {
	for v, want := range map[uint32][3]uint32{
		0x000306a9: {6, 58, 9},  // extended model counts for family 6
		0x00a20f12: {25, 33, 2}, // extended family for family 15
		0x00010543: {5, 4, 3},   // neither for others
		0x06000f00: {111, 0, 0}, // a large extended family
	} {
		f, m, s := signature(v)
		if got := [3]uint32{f, m, s}; got != want {
			t.Errorf("%#x: %v, want %v", v, got, want)
		}
	}
}

func TestFeatureWords(t *testing.T) {
	for _, w := range append(processorFeatures[:len(processorFeatures):len(processorFeatures)], kvmFeatures...) {
		if n := len(strings.Fields(w.names)); n > 32 {
			t.Errorf("leaf %#x has %d names in register %d", w.function, n, w.register)
		}
	}
	// Anchors: bits that everybody knows, to catch a shifted table.
	for _, c := range []struct {
		function, index uint32
		register        register
		bit             int
		want            string
	}{
		{1, 0, edx, 31, "pbe"}, {1, 0, edx, 28, "ht"}, {1, 0, edx, 15, "cmov"}, {1, 0, ecx, 31, "hypervisor"}, {1, 0, ecx, 24, "tsc_deadline_timer"},
		{1, 0, ecx, 21, "x2apic"}, {1, 0, ecx, 12, "fma"}, {7, 0, ebx, 31, "avx512vl"}, {7, 0, ebx, 16, "avx512f"}, {7, 0, ebx, 29, "sha_ni"},
		{7, 0, ecx, 16, "la57"}, {7, 0, ecx, 22, "rdpid"}, {7, 0, ecx, 31, "pks"}, {7, 0, edx, 31, "ssbd"}, {7, 0, edx, 29, "arch_capabilities"},
		{7, 0, edx, 24, "amx_tile"}, {7, 0, edx, 4, "fsrm"}, {7, 1, eax, 5, "avx512_bf16"}, {7, 1, eax, 23, "avx_ifma"}, {7, 1, eax, 26, "lam"},
		{0x80000001, 0, edx, 11, "syscall"}, {0x80000001, 0, edx, 20, "nx"}, {0x80000001, 0, edx, 26, "pdpe1gb"}, {0x80000001, 0, edx, 29, "lm"},
		{0x80000001, 0, ecx, 2, "svm"}, {0x80000001, 0, ecx, 22, "topoext"}, {0x80000001, 0, ecx, 29, "mwaitx"}, {0x80000007, 0, edx, 8, "constant_tsc"},
		{0x80000008, 0, ebx, 9, "wbnoinvd"}, {0x80000008, 0, ebx, 25, "virt_ssbd"}, {0x8000000a, 0, edx, 13, "avic"}, {0x8000000a, 0, edx, 16, "vgif"},
		{0x80000021, 0, eax, 8, "autoibrs"}, {0x40000001, 0, eax, 24, "clocksource_stable"}, {0x40000001, 0, eax, 17, "migration_control"}, {0x40000001, 0, eax, 9, "pv_tlb_flush"},
	} {
		e := uapi.CPUIDEntry2{Function: c.function, Index: c.index, Flags: uapi.CPUIDFlagSignifcantIndex}
		*[]*uint32{&e.EAX, &e.EBX, &e.ECX, &e.EDX}[c.register] = 1 << c.bit
		p := cpuid{e}.processor()
		if got := append(p.Features, p.KVM...); len(got) != 1 || got[0] != c.want {
			t.Errorf("leaf %#x.%d, register %d, bit %d: %q, want %q", c.function, c.index, c.register, c.bit, got, c.want)
		}
	}
}

// TestText compares the text of an imaginary host, word for word.
func TestText(t *testing.T) {
	info := &Info{
		Kernel: "Linux 6.1.0", APIVersion: 12, CPU: sampleCPUID.processor(),
		Module: Module{Name: "kvm_pvm", Meaning: "no help from the processor"},
		Limits: Limits{RecommendedVCPUs: 8, MaxVCPUs: 1024, MaxVCPUID: 4095, MemorySlots: 32764, VCPUMmapSize: 12288},
		Measured: Measured{ExitNS: 11234, KernelLoopNS: 2100, UserLoopNS: 0.79, KernelModeEmulated: true,
			Advice: "Advice that goes on for some time, so that it has to be broken into more lines than one of them here."},
		Confinement: Confinement{Landlock: 3, Lacks: []string{"the reason why system calls are not filtered here, which goes on for more than one line of ours"}},
		Capabilities: []Capability{
			describe("KVM_CAP_IRQCHIP", 0, 1), describe("KVM_CAP_SYNC_REGS", 74, 7), describe("KVM_CAP_X86_SMM", 117, 0),
			describe("KVM_CAP_OF_THE_FUTURE", 999, 2), describe("KVM_CAP_S390_PSW", 42, 0),
		},
	}
	var out bytes.Buffer
	if err := info.Text(&out); err != nil {
		t.Fatal(err)
	}
	const path = "testdata/info.txt"
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("not as in %s (go test -update writes it):\n%s", path, out.Bytes())
	}
}

func TestTextReportsAFailedWrite(t *testing.T) {
	if err := (&Info{}).Text(full{}); err == nil {
		t.Error("no error")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestDuration(t *testing.T) {
	for ns, want := range map[float64]string{0.794: "0.79 ns", 42: "42.00 ns", 123.4: "123 ns", 2100: "2.1 us", 130000: "130.0 us", 2.5e6: "2.5 ms"} {
		if got := duration(ns); got != want {
			t.Errorf("%v: %q, want %q", ns, got, want)
		}
	}
}
