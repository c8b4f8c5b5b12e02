package memory

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const huge = 2 << 20

// A private region begins where a huge page can, has the length that was asked for and
// nothing around it, and gives memory back like any other.
func TestNewPrivate(t *testing.T) {
	for _, length := range []int{pageSize, huge - pageSize, huge, 2*huge + pageSize} {
		r, err := NewPrivate(length)
		if err != nil {
			t.Fatal(err)
		}
		if length >= huge && r.Addr()%huge != 0 {
			t.Errorf("%#x bytes are at %#x", length, r.Addr())
		}
		if r.Size() != uint64(length) {
			t.Errorf("%#x bytes, want %#x", r.Size(), length)
		}
		last := uint64(length - 8)
		if err := r.StoreUint64(last, 7); err != nil {
			t.Fatal(err)
		}
		if err := r.Discard(uint64(length-pageSize), uint64(pageSize)); err != nil {
			t.Fatal(err)
		}
		if v, err := r.LoadUint64(last); v != 0 || err != nil {
			t.Errorf("a discarded page has %d, %v", v, err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, length := range []int{0, -pageSize, pageSize + 1} {
		if _, err := NewPrivate(length); err == nil {
			t.Errorf("a region of %d bytes", length)
		}
	}
}

// Making and closing one leaves no address range behind.
func TestNewPrivateLeavesNothing(t *testing.T) {
	before := mapped(t)
	for range 100 {
		r, err := NewPrivate(64 * huge)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if grown := mapped(t) - before; grown > 64*huge {
		t.Errorf("%d MiB more are mapped", grown>>20)
	}
}

// mapped is how much address space this process has.
func mapped(t *testing.T) (bytes int64) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(text), &bytes); err != nil {
		t.Fatal(err)
	}
	return bytes * int64(pageSize)
}

// The kernel is asked for huge pages: without it a guest starts in half the time.
func TestPrivateWantsHugePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skip("this kernel has no transparent huge pages")
	}
	r, err := NewPrivate(2 * huge)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	_, mapping, found := strings.Cut(string(text), fmt.Sprintf("\n%x-%x rw-p ", r.Addr(), r.Addr()+uintptr(r.Size())))
	if !found {
		t.Fatalf("no private mapping of %#x bytes at %#x:\n%s", r.Size(), r.Addr(), text)
	}
	_, flags, _ := strings.Cut(mapping, "VmFlags: ")
	flags, _, _ = strings.Cut(flags, "\n")
	if !strings.Contains(" "+flags+" ", " hg ") {
		t.Errorf("flags %q: want hg", flags)
	}
}

// More than any address space has is an error.
func TestNewPrivateWithoutRoom(t *testing.T) {
	if _, err := NewPrivate(1 << 62); err == nil || !strings.Contains(err.Error(), unix.ENOMEM.Error()) {
		t.Errorf("error %v, want %v", err, unix.ENOMEM)
	}
}
