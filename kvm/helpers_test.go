package kvm

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// skip skips the test and says what it needs, or fails it where everything is
// supposed to be there.
func skip(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if os.Getenv("KVM_TEST_REQUIRE") == "1" {
		tb.Fatalf("KVM_TEST_REQUIRE=1, but this test "+format, args...)
	}
	tb.Skipf(format, args...)
}

// needCap skips a test whose capability the host lacks. With KVM_TEST_REQUIRE=1
// that is a failure, unless the kernel is older than minKernel, the first to
// have it. An empty minKernel is for what depends on the processor: it is always
// a skip.
func needCap(tb testing.TB, of extensions, c uapi.Cap, minKernel string) {
	tb.Helper()
	n, err := of.CheckExtension(c)
	if err != nil {
		tb.Fatalf("CheckExtension(%v): %v", c, err)
	}
	switch {
	case n != 0:
	case minKernel == "":
		tb.Skipf("needs %v, which this host's processor or KVM module does not have", c)
	case olderKernel(tb, minKernel):
		tb.Skipf("needs %v: Linux %s or newer (the rig has one: make test-lanes)", c, minKernel)
	default:
		skip(tb, "needs %v, which Linux has since %s, but not this host's processor or KVM module (the rig has it: make test-lanes)", c, minKernel)
	}
}

// needProcessor skips a test of what only a processor's virtualization does. A
// module without it emulates guest kernel mode, and leaves some of it out.
func needProcessor(tb testing.TB) {
	tb.Helper()
	if _, err := os.Stat("/sys/module/kvm_pvm"); err == nil {
		skip(tb, "needs a processor with virtualization, and this host's KVM (kvm_pvm) does without: run it in the rig (make test-lanes)")
	}
}

// olderKernel reports whether the running kernel is older than a release such
// as "6.8".
func olderKernel(tb testing.TB, release string) bool {
	tb.Helper()
	var name unix.Utsname
	must(tb, unix.Uname(&name))
	return kernelNumber(tb, unix.ByteSliceToString(name.Release[:])) < kernelNumber(tb, release)
}

func kernelNumber(tb testing.TB, release string) int {
	tb.Helper()
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		tb.Fatalf("kernel release %q: %v", release, err)
	}
	return major*1000 + minor
}

func openSystem(tb testing.TB) *System {
	tb.Helper()
	s, err := Open()
	if err != nil {
		skip(tb, "needs a usable /dev/kvm (the rig has one: make test-lanes): %v", err)
	}
	made.note(tb, s.fd)
	tb.Cleanup(func() { s.Close() })
	return s
}

// newTestVM makes a VM that is closed at the end of the test, and after it the
// regions that addMemory gave it.
func newTestVM(tb testing.TB) *VM {
	tb.Helper()
	vm, err := openSystem(tb).CreateVM()
	if err != nil {
		tb.Fatal(err)
	}
	made.note(tb, vm.core.fd)
	tb.Cleanup(func() {
		vm.Close()
		for _, r := range testMemory.take(vm) {
			if err := r.Close(); err != nil {
				tb.Errorf("closing a region after its VM: %v", err)
			}
		}
	})
	return vm
}

// newTestVCPU adds a vCPU, the first if none is asked for.
func newTestVCPU(tb testing.TB, vm *VM, id ...int) *VCPU {
	tb.Helper()
	v, err := vm.CreateVCPU(append(id, 0)[0])
	if err != nil {
		tb.Fatal(err)
	}
	made.note(tb, v.core.fd)
	tb.Cleanup(func() { v.Close() })
	initVCPU(tb, v)
	return v
}

// addMemory puts RAM at a guest-physical address of a VM made by newTestVM.
func addMemory(tb testing.TB, vm *VM, slot, flags uint32, gpa uint64, size int) *memory.Region {
	tb.Helper()
	r, err := memory.New(size)
	must(tb, err)
	testMemory.add(vm, r)
	must(tb, vm.SetUserMemoryRegion(slot, flags, gpa, r))
	return r
}

// regionsOf remembers what to close after a VM.
type regionsOf struct {
	mu sync.Mutex
	m  map[*VM][]*memory.Region
}

var testMemory = regionsOf{m: make(map[*VM][]*memory.Region)}

func (r *regionsOf) add(vm *VM, region *memory.Region) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.m[vm] = append(r.m[vm], region)
}

func (r *regionsOf) take(vm *VM) []*memory.Region {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.m[vm]
	delete(r.m, vm)
	return list
}

// must fails the test for an error of a step that is not what it is about.
func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// wantError fails unless err is target and its text has all the words.
func wantError(tb testing.TB, err, target error, words ...string) {
	tb.Helper()
	if !errors.Is(err, target) {
		tb.Fatalf("got error %v, want %v", err, target)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			tb.Errorf("error %q does not say %q", err, w)
		}
	}
}

// eventually waits for what happens on another thread.
func eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("%s did not come", what)
		}
	}
}
