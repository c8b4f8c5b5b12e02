package kvm

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A request to the wrong kind of descriptor does not compile, and the right one
// does: the compiler is asked.
func TestWrongKindOfDescriptorDoesNotCompile(t *testing.T) {
	if os.Getenv("KVM_TEST_LANE") != "" {
		t.Skip("needs the go command and the source, which the rig has not: run it in the source tree")
	}
	calls := []struct {
		text     string
		compiles bool
	}{
		{"ioctlNumber(vm.core.fd, uapi.IoctlVMCreateVCPU, 0)", true},
		{"ioctlNumber(vm.core.fd, uapi.IoctlVCPURun, 0)", false},
		{"ioctlNumber(v.core.fd, uapi.IoctlVMCreateVCPU, 0)", false},
		{"ioctlNumber(s.fd, uapi.IoctlVMCreateVCPU, 0)", false},
		{"ioctlNumber(d.fd, uapi.IoctlSystemGetAPIVersion, 0)", false},
		{"ioctlNumber(vm.core.fd, uintptr(0xae41), 0)", false},
		{"ioctlStruct(v.core.fd, uapi.IoctlVCPUGetRegs, &uapi.OneReg{})", true}, // the size is another test's
		{"ioctlStruct(vm.core.fd, uapi.IoctlDeviceSetDeviceAttr, &uapi.DeviceAttr{})", false},
	}
	text := "package kvm\nimport \"linuxkvm/uapi\"\nfunc wrong(s *System, vm *VM, v *VCPU, d *Device) {\n"
	const firstLine = 4
	for _, c := range calls {
		text += "_, _ = " + c.text + "\n"
	}
	out := buildWith(t, text+"}\n")
	for i, c := range calls {
		if refused := strings.Contains(out, fmt.Sprintf("zz_wrong.go:%d:", firstLine+i)); refused == c.compiles {
			t.Errorf("%s: compiles=%v, want %v; the compiler says\n%s", c.text, !refused, c.compiles, out)
		}
	}
}

// buildWith builds this package with one more file and returns what the compiler
// says, with no limit to the number of errors.
func buildWith(t *testing.T, text string) string {
	t.Helper()
	here, err := os.Getwd()
	must(t, err)
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "zz_wrong.go"), filepath.Join(dir, "overlay.json")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "zz_wrong.go"): file}})
	must(t, err)
	must(t, os.WriteFile(overlay, list, 0o600))
	// A status other than 0 is what most callers want.
	out, _ := exec.Command("go", "build", "-gcflags=-e", "-overlay", overlay, ".").CombinedOutput()
	return string(out)
}
