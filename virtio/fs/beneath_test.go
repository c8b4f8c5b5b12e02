package fs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// share is a directory with a canary beside it.
func share(t *testing.T) (root int, dir string, canary uint64) {
	t.Helper()
	outside := t.TempDir()
	dir = filepath.Join(outside, "shared")
	for _, err := range []error{
		os.Mkdir(dir, 0o700),
		os.Mkdir(filepath.Join(outside, "secret"), 0o700),
		os.WriteFile(filepath.Join(outside, "secret", "canary"), []byte("x"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := openRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(root) })
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(outside, "secret", "canary"), &st); err != nil {
		t.Fatal(err)
	}
	return root, dir, st.Ino
}

func TestLookupRefusesNames(t *testing.T) {
	root, _, _ := share(t)
	for name, want := range map[string]syscall.Errno{
		"": syscall.EINVAL, ".": syscall.EINVAL, "..": syscall.EINVAL, "../secret": syscall.EINVAL,
		"/nowhere/at/all": syscall.EINVAL, "a/b": syscall.EINVAL, "a\x00": syscall.EINVAL,
		strings.Repeat("a", 256): syscall.ENAMETOOLONG, strings.Repeat("a", 255): syscall.ENOENT,
	} {
		fd, err := lookup(root, name)
		if !errors.Is(err, want) {
			t.Errorf("%.10q: %d, %v, want %v", name, fd, err, want)
		}
	}
}

// A symlink is the symlink, wherever it points, and nothing is found below it; a
// fifo does not block.
func TestLookupDoesNotFollow(t *testing.T) {
	root, dir, _ := share(t)
	for name, target := range map[string]string{"abs": "/", "up": "../secret", "magic": "/proc/self/root"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		fd, err := lookup(root, name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := modeOf(t, fd); mode&unix.S_IFMT != unix.S_IFLNK || servable(mode) {
			t.Errorf("%s: mode %#o, want a symlink that is not served", name, mode)
		}
		if below, err := lookup(fd, "canary"); !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("below %s: %d, %v, want ENOTDIR", name, below, err)
		}
		_ = unix.Close(fd)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := lookup(root, "fifo")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if servable(modeOf(t, fd)) {
		t.Error("a fifo would be opened")
	}
}

func modeOf(t *testing.T, fd int) uint32 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return st.Mode
}

// A directory that is swapped for a symlink while a guest walks leads nowhere.
func TestLookupSwapRace(t *testing.T) {
	root, dir, canary := share(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.Mkdir(at("a"), 0o700), os.WriteFile(at("a/canary"), nil, 0o600), os.Symlink("../secret", at("b")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, at("a"), unix.AT_FDCWD, at("b"), unix.RENAME_EXCHANGE)
			}
		}
	})
	defer swapping.Wait()
	defer close(stop)
	inside, refused := 0, 0
	for range 20000 {
		d, err := lookup(root, "a")
		if err != nil {
			t.Fatal(err)
		}
		f, err := lookup(d, "canary")
		_ = unix.Close(d)
		if err != nil {
			refused++
			continue
		}
		var st unix.Stat_t
		err = unix.Fstat(f, &st)
		_ = unix.Close(f)
		if err != nil || st.Ino == canary {
			t.Fatalf("the canary was reached, or %v", err)
		}
		inside++
	}
	t.Logf("%d inside, %d at the symlink", inside, refused)
	if inside == 0 || refused == 0 {
		t.Error("nothing was swapped in time: the race was not tried")
	}
}
