package linux

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linuxkvm/machine"
)

// In a guest the root has one program, this test's, which is all commands in one.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == guestArg {
		os.Exit(guestCommand(os.Args[2:]))
	}
	if disk := os.Getenv(killedEnv); disk != "" {
		os.Exit(toBeKilled(disk))
	}
	os.Exit(m.Run())
}

// guestArg makes the test binary a command of a guest.
const guestArg = "guest-command"

func guestCommand(args []string) int {
	switch args[0] {
	case "uname":
		var uts unix.Utsname
		if err := unix.Uname(&uts); err != nil {
			return 1
		}
		fmt.Println(unix.ByteSliceToString(uts.Release[:]))
	case "cat":
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			return 1
		}
	case "fail":
		fmt.Fprintln(os.Stderr, "as asked")
		return 3
	case "read":
		b, err := os.ReadFile(args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Print(string(b))
	case "write":
		if err := os.WriteFile(args[1], []byte(args[2]), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	default:
		return faultCommand(args)
	}
	return 0
}

// testKernels returns the kernels that the rig brings.
func testKernels(t *testing.T) []Kernel {
	t.Helper()
	dir := os.Getenv("KVM_TEST_GUEST_KERNELS")
	if dir == "" {
		if os.Getenv("KVM_TEST_LANE") != "" {
			t.Fatal("KVM_TEST_GUEST_KERNELS is not set in the rig: pass -guest-kernels to rig test")
		}
		t.Skip("needs Linux kernels to boot (KVM_TEST_GUEST_KERNELS); make test-lanes runs this in the rig")
	}
	images, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(images) == 0 {
		t.Fatalf("no kernel in %s: %v", dir, err)
	}
	var list []Kernel
	for _, image := range images {
		list = append(list, Kernel{image, filepath.Join("/kernel-modules", filepath.Base(image))})
	}
	return list
}

// fullLane is the lane of the rig with the tests whose outcome no architecture and no
// kernel changes: an emulated boot takes its time. On real hosts they run everywhere.
const fullLane = "amd64-6.1"

// oneKernel returns a kernel for such a test.
func oneKernel(t *testing.T) Kernel {
	t.Helper()
	if lane := os.Getenv("KVM_TEST_LANE"); lane != "" && lane != fullLane {
		t.Skipf("the rig shows this in lane %s", fullLane)
	}
	return testKernels(t)[0]
}

// startTime is how long a guest may take to come up: the rig emulates everything.
const startTime = 2 * time.Minute

// guestTime is how long a test may use a guest.
const guestTime = 5 * time.Minute

// start starts a guest. Under the rig's emulation one in some dozens does not come up
// (docs/rig.md), and is tried again there.
func start(t *testing.T, cfg Config) (*VM, error) {
	t.Helper()
	tries := 1
	if os.Getenv("KVM_TEST_LANE") != "" {
		tries = 3
	}
	for {
		ctx, cancel := context.WithTimeout(t.Context(), startTime)
		vm, err := Start(ctx, cfg)
		cancel()
		if tries--; err == nil || tries == 0 {
			return vm, err
		}
		t.Logf("start again, after: %v", err)
	}
}

// startGuest starts a guest that is closed at the end of the test.
func startGuest(t *testing.T, cfg Config) *VM {
	t.Helper()
	if cfg.Console == nil {
		cfg.Console = t.Output()
	}
	vm, err := start(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	// What waits for a guest that hangs ends with it, and says so.
	watchdog := time.AfterFunc(guestTime, func() {
		t.Errorf("the guest is stopped: the test takes longer than %v%s", guestTime, vm.console.last())
		vm.Stop()
	})
	t.Cleanup(func() {
		watchdog.Stop()
		select {
		case <-vm.Done(): // which the test may not have expected
			result, err := vm.Wait()
			t.Logf("the guest ended: %v after %v, %v", result.Ending, result.Uptime, err)
		default:
		}
		if err := vm.Close(); err != nil {
			t.Error(err)
		}
	})
	return vm
}

// A guest starts, runs commands, and powers off when asked.
func TestCommands(t *testing.T) {
	for _, k := range testKernels(t) {
		t.Run(filepath.Base(k.Image), func(t *testing.T) {
			vm := startGuest(t, Config{Kernel: k, Memory: 256 << 20})
			out, err := vm.Command(t.Context(), "/init", guestArg, "uname").Output()
			if got := strings.TrimSpace(string(out)); err != nil || got == "" || got != vm.Release() {
				t.Errorf("uname: %q, %v; want %q", got, err, vm.Release())
			}
			data := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
			c := vm.Command(t.Context(), "/init", guestArg, "cat")
			c.Stdin = bytes.NewReader(data)
			if out, err := c.Output(); err != nil || !bytes.Equal(out, data) {
				t.Errorf("cat: %d bytes of %d, %v", len(out), len(data), err)
			}
			_, err = vm.Command(t.Context(), "/init", guestArg, "fail").Output()
			var exit *ExitError
			if !errors.As(err, &exit) || exit.Code != 3 || string(exit.Stderr) != "as asked\n" {
				t.Errorf("fail: %v", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), startTime)
			defer cancel()
			if err := vm.Shutdown(ctx); err != nil {
				t.Fatal(err)
			}
			if result, err := vm.Wait(); err != nil || result.Ending != machine.PowerOff {
				t.Errorf("ended with %v, %v", result.Ending, err)
			}
		})
	}
}
