package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"linuxkvm/boot"
	"linuxkvm/internal/tinykernel"
)

func program(parts ...[]byte) boot.Image {
	return bytes.NewReader(tinykernel.FromCode(bytes.Join(parts, nil)))
}

// needKVM skips where there is no KVM.
func needKVM(t *testing.T) {
	t.Helper()
	if f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err == nil {
		_ = f.Close()
		return
	} else if os.Getenv("KVM_TEST_REQUIRE") != "" {
		t.Fatalf("KVM_TEST_REQUIRE is set: %v", err)
	} else {
		t.Skipf("%v: make test-lanes runs this in the rig", err)
	}
}

// ending is a program and how it ends.
type ending struct {
	name   string
	kernel boot.Image
	want   Ending
}

func TestEndings(t *testing.T) {
	needKVM(t)
	for _, c := range append([]ending{
		{"power-off", program(tinykernel.Say("bye"), tinykernel.Off, tinykernel.Spin), PowerOff},
		{"reset", program(tinykernel.Say("bye"), tinykernel.Restart, tinykernel.Spin), Reset},
		{"internal error", program(tinykernel.Say("bye"), tinykernel.Fail), InternalError},
	}, ownEndings...) {
		t.Run(c.name, func(t *testing.T) {
			said := newConsole("")
			result, err := runMachine(t, Config{Kernel: c.kernel, Memory: 16 << 20, ConsoleOut: said})
			if result.Ending != c.want {
				t.Fatalf("ended with %v, %v; want %v", result.Ending, err, c.want)
			}
			if said.String() != "bye" {
				t.Errorf("the console has %q, want %q", said, "bye")
			}
			checkCrash(t, result, err)
		})
	}
}

func checkCrash(t *testing.T, r Result, err error) {
	t.Helper()
	crash := new(Crash)
	if broken := r.Ending == TripleFault || r.Ending == InternalError; !broken {
		if err != nil || r.Crash != nil {
			t.Errorf("%v comes with an error: %v", r.Ending, err)
		}
		return
	}
	if !errors.As(err, &crash) {
		t.Fatalf("the error is %v, want a Crash", err)
	}
	for _, want := range []string{"vCPU 0", pcName, systemName, "try:"} {
		if !strings.Contains(crash.Error(), want) {
			t.Errorf("the report has no %q:\n%v", want, crash)
		}
	}
}

func TestStopCloseAndContextEndARunningGuest(t *testing.T) {
	needKVM(t)
	for _, c := range []struct {
		name string
		end  func(*Machine, context.CancelFunc)
	}{
		{"Stop", func(m *Machine, _ context.CancelFunc) { m.Stop() }},
		{"context", func(_ *Machine, cancel context.CancelFunc) { cancel() }},
		{"Close", func(m *Machine, _ context.CancelFunc) { _ = m.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			m, err := New(Config{Kernel: program(tinykernel.Spin), Memory: 16 << 20, CPUs: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if err := m.Start(ctx); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
			c.end(m, cancel)
			if r, err := m.Wait(); r.Ending != Stopped || err != nil {
				t.Errorf("ended with %v, %v; want %v", r.Ending, err, Stopped)
			}
			if err := m.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		})
	}
}

func TestAMachineIsUsedOnce(t *testing.T) {
	needKVM(t)
	m, err := New(Config{Kernel: program(tinykernel.Off, tinykernel.Spin), Memory: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Wait(); err == nil {
		t.Error("Wait before Start succeeded")
	}
	if _, err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Run(t.Context()); !errors.Is(err, ErrNotNew) {
		t.Errorf("a second Run = %v, want ErrNotNew", err)
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Errorf("Close = %v", err)
	}
	if err := m.Start(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Start after Close = %v, want ErrClosed", err)
	}
}

// As many as wanted run in one process, all at once, and leave nothing.
func TestMachinesRunSideBySideAndLeaveNothing(t *testing.T) {
	needKVM(t)
	sideBySide(t, 1)
	fds, goroutines := countFDs(t), runtime.NumGoroutine()
	sideBySide(t, 50)
	if now := countFDs(t); now > fds {
		t.Errorf("%d descriptors before, %d after", fds, now)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", goroutines, runtime.NumGoroutine())
		}
	}
}

// sideBySide runs n machines, of which none ends before all have spoken.
func sideBySide(t *testing.T, n int) {
	var wg, silent sync.WaitGroup
	silent.Add(n)
	for range n {
		wg.Go(func() {
			spoken := sync.OnceFunc(silent.Done)
			defer spoken()
			if err := waitAndEnd(t, func() { spoken(); silent.Wait() }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// waitAndEnd runs a machine, and calls wait between its first words and its end.
func waitAndEnd(t *testing.T, wait func()) error {
	said := newConsole(tinykernel.Greeting)
	keys, typed := io.Pipe()
	defer typed.Close()
	m, err := New(Config{Kernel: bytes.NewReader(tinykernel.Image()), Memory: 16 << 20, ConsoleIn: keys, ConsoleOut: said})
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-said.seen:
			wait()
			_, _ = io.WriteString(typed, tinykernel.PowerOff) // a machine that is gone is seen below
		case <-t.Context().Done():
		}
	}()
	r, err := m.Run(t.Context())
	if err == nil && r.Ending != PowerOff {
		err = fmt.Errorf("ended with %v after %q", r.Ending, said)
	}
	return errors.Join(err, m.Close())
}

func countFDs(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestBadConfigsAreRefusedAndLeaveNothing(t *testing.T) {
	needKVM(t)
	good := func() Config { return Config{Kernel: program(tinykernel.Spin), Memory: 16 << 20} }
	fds := countFDs(t)
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no kernel", func(c *Config) { c.Kernel = nil }, "no kernel"},
		{"too many vCPUs", func(c *Config) { c.CPUs = 9 }, "9 vCPUs"},
		{"negative vCPUs", func(c *Config) { c.CPUs = -1 }, "-1 vCPUs"},
		{"odd memory", func(c *Config) { c.Memory = 16<<20 + 1 }, "multiple of"},
		{"no room", func(c *Config) { c.Memory = pageSize }, "too small"},
		{"text for a kernel", func(c *Config) { c.Kernel = strings.NewReader("#!/bin/sh\necho no kernel\n") }, "kernel"},
		{"empty kernel", func(c *Config) { c.Kernel = strings.NewReader("") }, "empty"},
		{"initrd larger than memory", func(c *Config) { c.Initrd = hugeImage{} }, "initrd"},
		{"command line", func(c *Config) { c.Cmdline = strings.Repeat("x", 1<<20) }, "command line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := good()
			c.change(&cfg)
			m, err := New(cfg)
			if err == nil {
				_ = m.Close()
				t.Fatal("New succeeded")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error %q does not say %q", err, c.want)
			}
			if now := countFDs(t); now != fds {
				t.Errorf("%d descriptors before, %d after", fds, now)
			}
		})
	}
}

// hugeImage is a file of zeros that no guest has room for.
type hugeImage struct{}

func (hugeImage) Size() int64 { return 1 << 40 }

func (hugeImage) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

var _ io.ReaderAt = hugeImage{}
