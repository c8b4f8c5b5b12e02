//go:build kvmtrace

package sys

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// With the build tag kvmtrace every ioctl on a descriptor of KVM is recorded,
// with its result and the test that issued it, as a line of JSON in a file of
// this process in the directory that the environment names. Each line is there
// once, and is there when the process dies. internal/cmd/coverage reads them.
//
// The test is the one whose function is on the stack. A goroutine that a helper
// started has none: its ioctls are counted to the last test that was seen, and
// say so ("guess"), which is right as long as tests do not run in parallel.

// traceDir is the environment's name for the directory.
const traceDir = "KVM_TEST_TRACE"

// What an event's value is.
const (
	detailCap    = "cap"
	detailDevice = "device"
	detailGroup  = "group"
	detailExit   = "exit"
)

// event is what there is to say of one call.
type event struct {
	fd      int
	request uintptr
	errno   syscall.Errno
	detail  string
	value   uint32
	yes     bool
}

// TraceHeader is the first line of a file.
type TraceHeader struct {
	GOARCH string `json:"goarch"`
	Kernel string `json:"kernel"`
}

// TraceLine is every other line.
type TraceLine struct {
	Test    string  `json:"test"` // "linuxkvm/kvm.TestX"
	Guess   bool    `json:"guess,omitempty"`
	FD      string  `json:"fd,omitempty"` // the kernel's name of the descriptor
	Request uintptr `json:"request,omitempty"`
	Errno   string  `json:"errno,omitempty"`
	Detail  string  `json:"detail,omitempty"` // what Value is
	Value   uint32  `json:"value,omitempty"`
	Yes     bool    `json:"yes,omitempty"` // there is the capability; a device was made
}

// recorder writes the file. A call that was seen before costs two look-ups and
// allocates nothing, so that tests that count allocations hold; and what is kept
// is small and without pointers, so that those that count garbage collections do.
type recorder struct {
	mu    sync.Mutex
	out   *os.File
	seed  maphash.Seed
	tests map[uint64]string   // by the stack's hash
	seen  map[uint64]struct{} // hashes of the stack, the test and the event
	lines map[TraceLine]bool
	last  string
	stack [64]uintptr // here so that it is not on the heap for every call
}

var rec = newRecorder(os.Getenv(traceDir))

// newRecorder opens the file at once: tests that count descriptors start later.
func newRecorder(dir string) *recorder {
	if dir == "" {
		return nil
	}
	r := &recorder{seed: maphash.MakeSeed(), tests: map[uint64]string{}, seen: map[uint64]struct{}{}, lines: map[TraceLine]bool{}}
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		name := fmt.Sprintf("%s.%d.jsonl", filepath.Base(os.Args[0]), pid)
		r.out, err = os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	}
	if err != nil {
		panic(fmt.Sprintf("%s=%s: %v", traceDir, dir, err))
	}
	var name unix.Utsname
	_ = unix.Uname(&name)
	r.write(TraceHeader{runtime.GOARCH, unix.ByteSliceToString(name.Release[:])})
	return r
}

// trace records an event, if anybody asked for it.
func trace(e event) {
	if rec == nil {
		return
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.record(e)
}

func (r *recorder) record(e event) {
	// Without this function, trace and what calls it.
	n := runtime.Callers(4, r.stack[:])
	var on uint64
	for _, pc := range r.stack[:n] {
		on = mix(on, uint64(pc))
	}
	test, known := r.tests[on]
	if !known {
		test = testOn(r.stack[:n])
		r.tests[on] = test
	}
	guess := test == ""
	if guess {
		test = r.last
	}
	r.last = test
	// The stack decides what kind of descriptor it is, so that the kernel's name
	// of it need not be asked for again.
	key := mix(mix(on, maphash.String(r.seed, test)), maphash.String(r.seed, e.detail))
	key = mix(mix(mix(key, uint64(e.fd)), uint64(e.request)), uint64(e.errno))
	key = mix(key, uint64(e.value))
	if e.yes {
		key = mix(key, 1)
	}
	if _, ok := r.seen[key]; ok {
		return
	}
	r.seen[key] = struct{}{}
	line := TraceLine{Test: test, Guess: guess, Request: e.request, Detail: e.detail, Value: e.value, Yes: e.yes}
	if e.errno != 0 {
		line.Errno = unix.ErrnoName(e.errno)
	}
	line.FD, _ = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", e.fd))
	if !strings.Contains(line.FD, "kvm") {
		return // a test's, that only plays a VM
	}
	if !r.lines[line] {
		r.lines[line] = true
		r.write(line)
	}
}

// mix adds a word to a hash, in the manner of FNV.
func mix(hash, word uint64) uint64 {
	hash = (hash ^ word) * 0x100000001b3
	return hash ^ hash>>29
}

func (r *recorder) write(line any) {
	text, err := json.Marshal(line)
	if err == nil {
		_, err = r.out.Write(append(text, '\n'))
	}
	if err != nil {
		panic(fmt.Sprintf("%s: %v", traceDir, err))
	}
}

// testOn finds the outermost function of a stack that is a test, a closure of one
// included.
func testOn(stack []uintptr) string {
	var test string
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.File, "_test.go") {
			if name := testName(f.Function); name != "" {
				test = name
			}
		}
		if !more {
			return test
		}
	}
}

// testName makes "path/kvm.TestX" of "path/kvm_test.TestX.func1", and nothing of
// what is no test.
func testName(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	pkg, name, _ := strings.Cut(function[slash:], ".")
	name, _, _ = strings.Cut(name, ".")
	for _, prefix := range []string{"Test", "Example", "Fuzz", "Benchmark"} {
		if strings.HasPrefix(name, prefix) && name != "TestMain" {
			return function[:slash] + strings.TrimSuffix(pkg, "_test") + "." + name
		}
	}
	return ""
}
