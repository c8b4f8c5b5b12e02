package linux

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// volumeCommand is what guests do with volumes.
func volumeCommand(args []string) error {
	switch args[0] {
	case "tree":
		return makeTree(args[1])
	case "big":
		return copyBig(args[1], args[2])
	case "mmap":
		return writeMapped(args[1])
	case "remove":
		return os.RemoveAll(args[1])
	case "symlink":
		return os.Symlink(args[1], args[2])
	default:
		return fmt.Errorf("no command %q", args[0])
	}
}

// makeTree makes directories and files, and moves some.
func makeTree(dir string) error {
	for i := range 200 {
		name := filepath.Join(dir, fmt.Sprint(i%10), fmt.Sprint(i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(name), 0o640)); err != nil {
			return err
		}
	}
	if err := os.Rename(filepath.Join(dir, "3"), filepath.Join(dir, "moved")); err != nil {
		return err
	}
	return os.Link(filepath.Join(dir, "moved", "13"), filepath.Join(dir, "linked"))
}

// copyBig reads all of a file and writes it again.
func copyBig(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// writeMapped writes to a file by way of a mapping.
func writeMapped(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	copy(m[100:], "mapped")
	return errors.Join(unix.Msync(m, unix.MS_SYNC), unix.Munmap(m))
}

// A guest and the host work in the same directory.
func TestVolumes(t *testing.T) {
	shared, fixed, outside := t.TempDir(), t.TempDir(), t.TempDir()
	big := make([]byte, 8<<20+17)
	_, _ = rand.Read(big) // never fails
	writeHost(t, filepath.Join(shared, "big"), big)
	writeHost(t, filepath.Join(shared, "greeting"), []byte("hello"))
	writeHost(t, filepath.Join(fixed, "greeting"), []byte("fixed"))
	writeHost(t, filepath.Join(outside, "canary"), []byte("secret"))
	if err := os.Symlink(filepath.Join(outside, "canary"), filepath.Join(shared, "escape")); err != nil {
		t.Fatal(err)
	}
	vm := startGuest(t, Config{Kernel: testKernels(t)[0], Memory: 256 << 20, CPUs: 2,
		Volumes: []Volume{{Path: shared, Mount: "/shared"}, {Path: fixed, Mount: "/mnt/fixed", ReadOnly: true}}})

	wantTool(t, vm, "hello", true, "read", "/shared/greeting")
	wantTool(t, vm, "", true, "big", "/shared/big", "/shared/copy")
	if b, err := os.ReadFile(filepath.Join(shared, "copy")); err != nil || !bytes.Equal(b, big) {
		t.Errorf("the copy of the big file: %d bytes, %v", len(b), err)
	}
	wantTool(t, vm, "", true, "mmap", "/shared/copy")
	if b, err := os.ReadFile(filepath.Join(shared, "copy")); err != nil || string(b[100:106]) != "mapped" {
		t.Errorf("written through a mapping: %.6q, %v", b[100:], err)
	}
	wantTool(t, vm, "", true, "tree", "/shared")
	wantTree(t, shared)
	writeHost(t, filepath.Join(shared, "late"), []byte("from the host"))
	wantTool(t, vm, "from the host", true, "read", "/shared/late")
	wantChangeSeen(t, vm, filepath.Join(shared, "late"), "/shared/late")
	wantTool(t, vm, "", true, "remove", "/shared/moved")
	if _, err := os.Stat(filepath.Join(shared, "moved")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the guest removed it: %v", err)
	}

	wantTool(t, vm, "fixed", true, "read", "/mnt/fixed/greeting")
	wantTool(t, vm, "EROFS", false, "commit", "/mnt/fixed/greeting", "changed")
	wantTool(t, vm, "EROFS", false, "remove", "/mnt/fixed/greeting")

	// A symlink leads to where it points in the guest, whoever made it.
	wantTool(t, vm, "ENOENT", false, "check", "/shared/escape")
	wantTool(t, vm, "", true, "symlink", filepath.Join(outside, "canary"), "/shared/mine")
	wantTool(t, vm, "ENOENT", false, "check", "/shared/mine")
	wantTool(t, vm, "ENOENT", false, "check", "/shared/.."+outside+"/canary")
}

// wantChangeSeen changes a file that the guest may keep in memory by now, to one as long:
// it is read as it is a second later.
func wantChangeSeen(t *testing.T, vm *VM, host, guest string) {
	t.Helper()
	before, after := "before the change", "after, as long as"
	writeHost(t, host, []byte(before))
	time.Sleep(3 * time.Second)
	for range 3 {
		wantTool(t, vm, before, true, "read", guest)
	}
	writeHost(t, host, []byte(after))
	time.Sleep(1100 * time.Millisecond)
	wantTool(t, vm, after, true, "read", guest)
}

func writeHost(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// wantTree fails the test unless makeTree's work is there.
func wantTree(t *testing.T, dir string) {
	t.Helper()
	for i := range 200 {
		in := fmt.Sprint(i % 10)
		if in == "3" {
			in = "moved"
		}
		b, err := os.ReadFile(filepath.Join(dir, in, fmt.Sprint(i)))
		if want := fmt.Sprintf("/shared/%d/%d", i%10, i); err != nil || string(b) != want {
			t.Errorf("file %d: %q, %v", i, b, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "linked"))
	if err != nil || info.Sys().(*syscall.Stat_t).Nlink != 2 || info.Mode() != 0o640 {
		t.Errorf("the linked file: %+v, %v", info, err)
	}
}

// A volume that cannot be is refused before anything starts, by name.
func TestVolumeRefusals(t *testing.T) {
	dir := t.TempDir()
	writeHost(t, filepath.Join(dir, "file"), nil)
	for name, c := range map[string]struct {
		volumes []Volume
		say     string
	}{
		"nothing there":  {[]Volume{{Path: dir + "/none", Mount: "/v"}}, dir + "/none"},
		"a file":         {[]Volume{{Path: dir + "/file", Mount: "/v"}}, "no directory"},
		"relative mount": {[]Volume{{Path: dir, Mount: "v"}}, `"v"`},
		"no mount":       {[]Volume{{Path: dir}}, `""`},
		"the root":       {[]Volume{{Path: dir, Mount: "/x/.."}}, "not its root"},
		"twice":          {[]Volume{{Path: dir, Mount: "/v"}, {Path: "/", Mount: "/v/."}}, "both"},
		"a disk's":       {[]Volume{{Path: dir, Mount: "/disk/"}}, "disk file and volume " + dir},
		"the kernel's":   {[]Volume{{Path: dir, Mount: "/proc"}}, "choose another place"},
		"no path":        {[]Volume{{Mount: "/v"}}, "/v has no path"},
	} {
		cfg := Config{Kernel: Kernel{Image: "none"}, Disks: []Disk{{Path: "file", Mount: "/disk"}}, Volumes: c.volumes}
		if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want it to say %s", name, err, c.say)
		}
	}
}
