package machine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"linuxkvm/boot"
	"linuxkvm/internal/guest"
)

// TestMain makes the test binary the guest's /init as well: what it does there
// is said by test=... on the kernel's command line.
func TestMain(m *testing.M) {
	if guest.IsInit() {
		guestMain()
		return
	}
	os.Exit(m.Run())
}

func guestMain() {
	if err := guest.Setup(); err != nil {
		fmt.Println("guest: setup:", err)
	}
	if err := guest.Report(os.Stdout); err != nil {
		fmt.Println("guest: report:", err)
	}
	var err error
	switch what := guest.CmdlineValue("test"); what {
	case "poweroff":
		err = guest.PowerOff()
	case "restart":
		err = guest.Restart()
	case "echo":
		line, readErr := bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Printf("guest: read %q, %v\n", line, readErr)
		err = guest.PowerOff()
	case "panic":
		os.Exit(1) // the end of /init is a panic
	case "hang":
		select {}
	default:
		err = fmt.Errorf("no test %q", what)
	}
	fmt.Println("guest: still here:", err)
	time.Sleep(time.Hour)
}

// guestKernels returns the Linux kernels to boot. They are there in the rig
// only: elsewhere a Linux guest may take minutes.
func guestKernels(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("KVM_TEST_GUEST_KERNELS")
	if dir == "" {
		if os.Getenv("KVM_TEST_LANE") != "" {
			t.Fatal("KVM_TEST_GUEST_KERNELS is not set in the rig: pass -guest-kernels to rig test")
		}
		t.Skip("needs Linux kernels to boot (KVM_TEST_GUEST_KERNELS); make test-lanes runs this in the rig")
	}
	kernels, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(kernels) == 0 {
		t.Fatalf("no kernel in %s (%v)", dir, err)
	}
	return kernels
}

// console collects what a guest says and tells when it has said something.
type console struct {
	mu   sync.Mutex
	all  bytes.Buffer
	want string
	seen chan struct{}
}

func newConsole(want string) *console { return &console{want: want, seen: make(chan struct{})} }

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.Write(p)
	if c.want != "" && strings.Contains(c.all.String(), c.want) {
		c.want = ""
		close(c.seen)
	}
	return len(p), nil
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all.String()
}

func ownInitrd(t *testing.T) boot.Image {
	t.Helper()
	var b bytes.Buffer
	if err := guest.WriteInitrd(&b, "/proc/self/exe"); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func linux(t *testing.T, kernel, test string) Config {
	t.Helper()
	b, err := os.ReadFile(kernel)
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Kernel: bytes.NewReader(b), Initrd: ownInitrd(t),
		Cmdline: "console=" + ConsoleName + " quiet panic=-1 test=" + test,
	}
}

// bootTime bounds one boot in the rig, generously.
const bootTime = 2 * time.Minute

// bootTries is how often a guest may hang before it reaches user space. Under the
// rig's emulation one in some dozens does, without a word (docs/rig.md); a guest
// that ends in any other way, or hangs later, is never tried again.
const bootTries = 3

// runLinux boots Linux and runs it to its end.
func runLinux(t *testing.T, configure func(*console) Config) (Result, *console, error) {
	t.Helper()
	for try := 1; ; try++ {
		out := newConsole("guest: Linux")
		result, err := runMachine(t, configure(out))
		hung := result.Ending == Stopped && !strings.Contains(out.String(), "guest: Linux")
		if !hung || try == bootTries {
			return result, out, err
		}
		t.Logf("boot %d hung before user space after %v; the console has:\n%s", try, result.Uptime, out)
	}
}

func runMachine(t *testing.T, cfg Config) (Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return m.Run(ctx)
}

func TestLinuxReachesInit(t *testing.T) {
	for i, kernel := range guestKernels(t) {
		for _, cpus := range []int{1, 4} {
			if cpus > 1 && i > 0 {
				continue // a boot takes its time in the rig
			}
			t.Run(fmt.Sprintf("%s/%dcpus", filepath.Base(kernel), cpus), func(t *testing.T) {
				result, out, err := runLinux(t, func(out *console) Config {
					cfg := linux(t, kernel, "poweroff")
					cfg.CPUs, cfg.ConsoleOut = cpus, out
					return cfg
				})
				if err != nil || result.Ending != PowerOff {
					t.Fatalf("ended with %v, %v; want %v\n%s", result.Ending, err, PowerOff, out)
				}
				if want := fmt.Sprintf("%d CPUs", cpus); !strings.Contains(out.String(), want) {
					t.Errorf("the guest does not report %q:\n%s", want, out)
				}
				t.Logf("%v: %s", result.Uptime, strings.TrimSpace(out.String()))
			})
		}
	}
}

// linuxEnding is what the guest does, with what on its command line, and how that ends.
type linuxEnding struct {
	test, extra string
	want        Ending
}

func TestLinuxEndings(t *testing.T) {
	kernel := guestKernels(t)[0]
	for _, c := range append([]linuxEnding{{"restart", "", Reset}, {"panic", "", Reset}}, ownLinuxEndings...) {
		t.Run(c.test+c.extra, func(t *testing.T) {
			result, out, err := runLinux(t, func(out *console) Config {
				cfg := linux(t, kernel, c.test)
				cfg.Cmdline += " " + c.extra
				cfg.ConsoleOut = out
				return cfg
			})
			if result.Ending != c.want {
				t.Fatalf("ended with %v, %v; want %v\n%s", result.Ending, err, c.want, out)
			}
			if crash := new(Crash); c.want == TripleFault && !errors.As(err, &crash) {
				t.Errorf("the error is %v, want a Crash", err)
			}
		})
	}
}

func TestLinuxReadsTheConsole(t *testing.T) {
	kernel := guestKernels(t)[0]
	result, out, err := runLinux(t, func(out *console) Config {
		in, typed := io.Pipe()
		t.Cleanup(func() { _ = in.Close() })
		go func() {
			<-out.seen
			_, _ = io.WriteString(typed, "words for the guest\n")
			_ = typed.Close()
		}()
		cfg := linux(t, kernel, "echo")
		cfg.ConsoleIn, cfg.ConsoleOut = in, out
		return cfg
	})
	if err != nil || result.Ending != PowerOff || !strings.Contains(out.String(), `guest: read "words for the guest\n"`) {
		t.Errorf("ended with %v, %v; the guest said:\n%s", result.Ending, err, out)
	}
}

func TestLinuxIsStoppedByTheHost(t *testing.T) {
	kernel := guestKernels(t)[0]
	up := func() *Machine {
		out := newConsole("guest: Linux")
		cfg := linux(t, kernel, "hang")
		cfg.CPUs, cfg.ConsoleOut = 2, out
		m, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-out.seen:
			return m
		case <-time.After(bootTime):
			t.Logf("the guest did not come up:\n%s", out)
			_ = m.Close()
			return nil
		}
	}
	var m *Machine
	for try := 0; m == nil; try++ {
		if try == bootTries {
			t.Fatalf("no guest of %d came up", bootTries)
		}
		m = up()
	}
	m.Stop()
	if result, err := m.Wait(); result.Ending != Stopped || err != nil {
		t.Errorf("ended with %v, %v; want %v", result.Ending, err, Stopped)
	}
}
