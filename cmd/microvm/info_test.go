package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"linuxkvm/cmd/microvm/internal/host"
	"linuxkvm/confine"
)

// checkErrorJSON demands an object with an error, and silence elsewhere.
func checkErrorJSON(t *testing.T, got outcome, says []string) {
	t.Helper()
	if got.status != int(statusFailed) || got.stderr != "" {
		t.Errorf("status %d, stderr %q", got.status, got.stderr)
	}
	var object map[string]string
	if err := json.Unmarshal([]byte(got.stdout), &object); err != nil || len(object) != 1 {
		t.Fatalf("%v in %q", err, got.stdout)
	}
	for _, say := range says {
		if !strings.Contains(object["error"], say) {
			t.Errorf("does not say %q: %s", say, object["error"])
		}
	}
}

func TestInfoJSON(t *testing.T) {
	needKVM(t)
	start := time.Now()
	got := finish(t, command(t, "info", "--json"))
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	if got.status != 0 || got.stderr != "" {
		t.Fatalf("status %d, stderr %q", got.status, got.stderr)
	}
	decoder := json.NewDecoder(strings.NewReader(got.stdout))
	decoder.DisallowUnknownFields()
	var info host.Info
	if err := decoder.Decode(&info); err != nil {
		t.Fatal(err)
	}
	checkInfo(t, &info)
	var fields map[string]any
	if err := json.Unmarshal([]byte(got.stdout), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kernel", "module", "api_version", "limits", "cpu", "measured", "confinement", "capabilities"} {
		if fields[name] == nil {
			t.Errorf("no field %q", name)
		}
	}
}

// checkInfo checks what holds on every host with KVM.
func checkInfo(t *testing.T, i *host.Info) {
	t.Helper()
	if i.APIVersion != 12 || !strings.HasPrefix(i.Kernel, "Linux ") {
		t.Errorf("API version %d, kernel %q", i.APIVersion, i.Kernel)
	}
	if l := i.Limits; l.RecommendedVCPUs < 1 || l.MaxVCPUs < l.RecommendedVCPUs || l.MaxVCPUID < l.MaxVCPUs-1 || l.MemorySlots < 32 || l.VCPUMmapSize < 4096 {
		t.Errorf("limits %+v", l)
	}
	if !plausible(&i.CPU) {
		t.Errorf("processor %+v", i.CPU)
	}
	if m := i.Measured; m.Error != "" || m.ExitNS < 100 || m.KernelLoopNS <= 0 || m.UserLoopNS <= 0 || m.Advice == "" {
		t.Errorf("measured %+v", m)
	}
	if i.Module.Name == "kvm_pvm" && !i.Measured.KernelModeEmulated {
		t.Errorf("kvm_pvm emulates kernel mode, but this was measured: %+v", i.Measured)
	}
	means := confine.Available()
	if c := i.Confinement; c.Landlock != means.Landlock || c.Seccomp != means.Seccomp || len(c.Lacks) != len(means.Lacks()) {
		t.Errorf("confinement %+v, want %+v", c, means)
	}
	names := map[string]bool{}
	for _, c := range i.Capabilities {
		if !strings.HasPrefix(c.Name, "KVM_CAP_") || names[c.Name] || c.Offered != (c.Value != 0) || c.Reading == "" {
			t.Errorf("capability %+v", c)
		}
		names[c.Name] = true
	}
	if len(names) < 240 || !names["KVM_CAP_USER_MEMORY"] {
		t.Errorf("%d capabilities", len(names))
	}
}

func TestInfoText(t *testing.T) {
	needKVM(t)
	got := finish(t, command(t, "info"))
	if got.status != 0 || got.stderr != "" {
		t.Fatalf("status %d, stderr %q", got.status, got.stderr)
	}
	for _, want := range []string{
		"KVM on this host", "API version", "vCPUs", "guest kernel mode", "guest user mode", "USER_MEMORY", "IMMEDIATE_EXIT", "Landlock", "seccomp",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("does not say %q:\n%s", want, got.stdout)
		}
	}
	if strings.Contains(got.stdout, "crawl") != strings.Contains(got.stdout, "kvm_pvm") {
		t.Error("the advice does not fit the module")
	}
}
