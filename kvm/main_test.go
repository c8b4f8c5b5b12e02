package kvm

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain fails the run when descriptors or shared mappings are left at its
// end, and says which, and which test made them.
func TestMain(m *testing.M) {
	flag.Parse()
	// The first poller user makes an epoll descriptor that stays.
	warmUp()
	skipExamples()
	before := resources()
	code := m.Run()
	if left := leaked(before); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "LEAK: left open at the end of the tests:\n\t%s\n", strings.Join(left, "\n\t"))
		code = max(code, 1)
	}
	os.Exit(code)
}

// skipExamples leaves the examples out where there is no KVM: unlike a test, an
// example cannot skip itself.
func skipExamples() {
	s, err := Open()
	if err == nil {
		s.Close()
		return
	}
	fmt.Fprintf(os.Stderr, "examples are left out, they need a usable /dev/kvm (the rig has one: make test-lanes): %v\n", err)
	if os.Getenv("KVM_TEST_REQUIRE") != "1" {
		_ = flag.Set("test.skip", strings.Trim(flag.Lookup("test.skip").Value.String()+"|^Example", "|"))
	}
}

func warmUp() {
	if e, err := NewEventFD(); err == nil {
		e.Close()
	}
}

// resources lists what this process has open and mapped, by a name to print.
// Of mappings it looks at shared ones only: the Go runtime's are all private.
func resources() map[string]bool {
	found := make(map[string]bool)
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, name := range fds {
		// Glob's own descriptor is gone by now, and cannot be read.
		if target, err := os.Readlink(name); err == nil {
			found[fmt.Sprintf("fd %s %s", filepath.Base(name), target)] = true
		}
	}
	lines, _ := os.ReadFile("/proc/self/maps")
	for line := range strings.Lines(string(lines)) {
		f := strings.Fields(line)
		if len(f) < 2 || !strings.HasSuffix(f[1], "s") {
			continue
		}
		found[fmt.Sprintf("mapping %s %s", f[0], strings.Join(f[min(5, len(f)):], " "))] = true
	}
	return found
}

// leaked lists what is there and was not before, after the garbage collector
// has had every chance.
func leaked(before map[string]bool) []string {
	var left []string
	for range 50 {
		runtime.GC()
		now := resources()
		maps.DeleteFunc(now, func(name string, _ bool) bool { return before[name] })
		left = left[:0]
		for name := range now {
			left = append(left, name+made.by(name))
		}
		if len(left) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return left
}

// makers remembers which test last got which descriptor number.
type makers struct {
	mu sync.Mutex
	m  map[string]string
}

var made = makers{m: make(map[string]string)}

func (k *makers) note(tb testing.TB, f interface {
	Acquire() (int, bool)
	Release()
}) {
	fd, ok := f.Acquire()
	if !ok {
		return
	}
	defer f.Release()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.m[fmt.Sprintf("fd %d ", fd)] = tb.Name()
}

func (k *makers) by(name string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for prefix, test := range k.m {
		if strings.HasPrefix(name, prefix) {
			return ", made by " + test
		}
	}
	return ""
}
