package linux

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"linuxkvm/internal/testimage"
)

// commandAt runs a file of the guest as a command.
func commandAt(t *testing.T, vm *VM, path string, args ...string) (string, error) {
	t.Helper()
	out, err := vm.Command(t.Context(), path, append([]string{guestArg}, args...)...).Output()
	return string(out), err
}

// The host's programs run in a guest, and what they change is not the host's.
func TestHostRoot(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	greeting := filepath.Join(dir, "greeting")
	if err := os.Mkdir(filepath.Join(dir, "volume"), 0o755); err != nil { // for a volume in a volume
		t.Fatal(err)
	}
	writeHost(t, greeting, []byte("hello"))
	vm := startGuest(t, Config{Kernel: oneKernel(t), Memory: 256 << 20, Root: HostRoot(),
		Volumes: []Volume{{Path: dir, Mount: "/inner/volume"}, {Path: dir, Mount: "/inner", ReadOnly: true}}})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"uname"}, vm.Release() + "\n"},
		{[]string{"read", greeting}, "hello"},
		{[]string{"write", greeting, "changed"}, ""},
		{[]string{"read", greeting}, "changed"},
		{[]string{"remove", dir}, ""},
		{[]string{"read", "/proc/sys/kernel/hostname"}, "microvm\n"}, // its own
		{[]string{"write", "/inner/volume/made", "by the guest"}, ""},
	} {
		if out, err := commandAt(t, vm, self, c.args...); err != nil || out != c.want {
			t.Errorf("%v: %q, %v, want %q", c.args, out, err, c.want)
		}
	}
	if b, err := os.ReadFile(greeting); err != nil || string(b) != "hello" {
		t.Errorf("on the host it is %q, %v", b, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "made")); err != nil || string(b) != "by the guest" {
		t.Errorf("on the host it is %q, %v", b, err)
	}
}

// A directory is a root that is written to, or not.
func TestDirectoryRoot(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tool"), testimage.Self(t), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"proc", "sys", "dev", "run", "volume"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, readOnly := range []bool{false, true} {
		vm := startGuest(t, Config{Kernel: oneKernel(t), Memory: 256 << 20,
			Root: Root{Directory: &Volume{Path: dir, ReadOnly: readOnly}}})
		out, err := commandAt(t, vm, "/tool", "commit", "/made", "by the guest")
		if readOnly && (err == nil || out != "EROFS") || !readOnly && err != nil {
			t.Errorf("read-only %v: %q, %v", readOnly, out, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "made")); err != nil || string(b) != "by the guest" {
			t.Errorf("read-only %v: the host has %q, %v", readOnly, b, err)
		}
	}
}

func TestRootRefusals(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		root Root
		say  string
	}{
		"two roots":     {Root{Disk: &Disk{Path: "file"}, Directory: &Volume{Path: dir}}, "choose one"},
		"only a layer":  {Root{Layer: true}, "no root"},
		"nothing there": {Root{Directory: &Volume{Path: dir + "/none"}}, dir + "/none"},
	} {
		cfg := Config{Kernel: Kernel{Image: "none"}, Root: c.root}
		if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want it to say %s", name, err, c.say)
		}
	}
	cfg := Config{Kernel: Kernel{Image: "none"}, Root: Root{Directory: &Volume{Path: dir + "/none"}}}
	if _, err := Start(t.Context(), cfg); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want ErrNotExist", err)
	}
}

// What is in another mount comes after it, and a root under a layer cannot be written
// to by any way.
func TestMounts(t *testing.T) {
	c := Config{
		Root:    Root{Directory: &Volume{Path: "/host"}, Layer: true},
		Disks:   []Disk{{Path: "a", Mount: "/v/deep/disk"}, {Path: "b"}},
		Volumes: []Volume{{Path: "/in", Mount: "/v/in"}, {Path: "/v", Mount: "/v"}},
	}
	root, others := c.mounts()
	if root.Type != "virtiofs" || root.Source != volumeTag(0) || !root.Overlay || !root.ReadOnly {
		t.Errorf("the root is %+v", root)
	}
	var got []string
	for _, m := range others {
		got = append(got, m.Source+" "+m.Target)
	}
	if want := []string{volumeTag(2) + " /v", volumeTag(1) + " /v/in", "/dev/vda /v/deep/disk"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
