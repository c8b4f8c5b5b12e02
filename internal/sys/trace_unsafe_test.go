//go:build kvmtrace

package sys

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// recorded returns what a recorder in dir has written after its header.
func recorded(t *testing.T, dir string) (TraceHeader, []TraceLine) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(names) != 1 {
		t.Fatalf("files %v, %v; want one", names, err)
	}
	f, err := os.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	var h TraceHeader
	if err := d.Decode(&h); err != nil {
		t.Fatal(err)
	}
	var lines []TraceLine
	for d.More() {
		var l TraceLine
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return h, lines
}

// withRecorder puts a new recorder in place for the test.
func withRecorder(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "made")
	old := rec
	rec = newRecorder(dir)
	t.Cleanup(func() {
		rec.out.Close()
		rec = old
	})
	return dir
}

// pretend is a descriptor that the kernel names as one of KVM's.
func pretend(t *testing.T, name string) *FD {
	t.Helper()
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFD(fd, nil)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestRecorderWrites(t *testing.T) {
	dir := withRecorder(t)
	vm, other := pretend(t, "kvm-vm"), pretend(t, "something")
	for range 3 {
		_, _ = vm.Ioctl(0xae41, 1)
		_, _ = other.Ioctl(0xae41, 1)
	}
	_, _ = vm.IoctlBrief(nrCheckExtension, 7)
	TraceExit(vm, 5)
	TraceExit(other, 6)
	h, lines := recorded(t, dir)
	if h.GOARCH != runtime.GOARCH || h.Kernel == "" {
		t.Errorf("header %+v", h)
	}
	const me, fd = "linuxkvm/internal/sys.TestRecorderWrites", "/memfd:kvm-vm (deleted)"
	want := []TraceLine{
		{Test: me, FD: fd, Request: 0xae41, Errno: "ENOTTY"},
		{Test: me, FD: fd, Request: nrCheckExtension, Errno: "ENOTTY", Detail: "cap", Value: 7},
		{Test: me, FD: fd, Detail: "exit", Value: 5},
	}
	if len(lines) != len(want) {
		t.Fatalf("%+v, want %+v", lines, want)
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("line %d: %+v, want %+v", i, lines[i], want[i])
		}
	}
}

// A goroutine that a helper starts has no test on its stack.
func TestRecorderGuesses(t *testing.T) {
	dir := withRecorder(t)
	vm := pretend(t, "kvm-vm")
	_, _ = vm.Ioctl(1, 0)
	t.Run("closure", func(t *testing.T) { _, _ = vm.Ioctl(2, 0) })
	elsewhere(func() { _, _ = vm.Ioctl(3, 0) })
	startHelper(vm)
	_, lines := recorded(t, dir)
	if len(lines) != 4 {
		t.Fatalf("%+v", lines)
	}
	for _, l := range lines {
		if l.Test != "linuxkvm/internal/sys.TestRecorderGuesses" || l.Guess != (l.Request == 4) {
			t.Errorf("%+v", l)
		}
	}
}

func elsewhere(f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	<-done
}

//go:noinline
func startHelper(vm *FD) { elsewhere(func() { _, _ = vm.Ioctl(4, 0) }) }

func TestRecorderReadsArguments(t *testing.T) {
	dir := withRecorder(t)
	vm := pretend(t, "kvm-vm")
	for _, c := range []struct {
		request uintptr
		words   [26]uint32
	}{
		{sizeofEnableCap<<16 | nrEnableCap, [26]uint32{11}},
		{nrEnableCap, [26]uint32{12}}, // KVM_GET_TSC_KHZ
		{12<<16 | nrCreateDevice, [26]uint32{13}},
		{24<<16 | nrHasDeviceAttr, [26]uint32{0, 14}},
	} {
		p := new([26]uint32)
		*p = c.words
		_, _ = vm.IoctlPtr(c.request, unsafe.Pointer(p))
	}
	_, lines := recorded(t, dir)
	want := []struct {
		detail string
		value  uint32
	}{{detailCap, 11}, {"", 0}, {detailDevice, 13}, {detailGroup, 14}}
	if len(lines) != len(want) {
		t.Fatalf("%+v", lines)
	}
	for i, w := range want {
		if lines[i].Detail != w.detail || lines[i].Value != w.value {
			t.Errorf("%+v, want %+v", lines[i], w)
		}
	}
}

func TestRecorderAllocatesNothingTwice(t *testing.T) {
	withRecorder(t)
	vm := pretend(t, "kvm-vm")
	if n := testing.AllocsPerRun(50, func() { _, _ = vm.Ioctl(1, 0) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestRecorderNamesTests(t *testing.T) {
	for function, want := range map[string]string{
		"linuxkvm/kvm.TestX":                "linuxkvm/kvm.TestX",
		"linuxkvm/kvm.TestX.func1.2":        "linuxkvm/kvm.TestX",
		"linuxkvm/kvm_test.ExampleVCPU_Run": "linuxkvm/kvm.ExampleVCPU_Run",
		"linuxkvm/kvm.TestMain":             "",
		"linuxkvm/kvm.newTestVM":            "",
		"linuxkvm/kvm.(*VCPU).Test":         "",
	} {
		if got := testName(function); got != want {
			t.Errorf("%s: %q, want %q", function, got, want)
		}
	}
	if testOn(nil) != "" {
		t.Error("no stack, and a test")
	}
}

// A recording that was asked for and cannot be must not look like one.
func TestRecorderPanicsWithoutDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), file) {
			t.Errorf("panic %v", r)
		}
	}()
	newRecorder(file)
}
