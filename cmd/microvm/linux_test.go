package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"linuxkvm/internal/cpio"
	"linuxkvm/internal/guest"
)

// endParameter on the kernel's command line tells the guest how to end.
const endParameter = "microvm_test_end"

// guestMain is what the test binary does as /init of a guest: it says that it is
// there, waits for a line on its console, repeats it, and ends.
func guestMain() {
	err := guest.Setup()
	if err == nil {
		err = guest.Report(os.Stdout)
	}
	if err == nil {
		fmt.Println("guest: ready")
		var line string
		line, err = bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Printf("guest: read %q\n", line)
	}
	if err != nil {
		fmt.Println("guest:", err)
	}
	switch guest.CmdlineValue(endParameter) {
	case "reset":
		err = guest.Restart()
	case "power-off":
		err = guest.PowerOff()
	}
	// To leave /init is a panic, and with panic=-1 a reset.
	fmt.Println("guest: end:", err)
}

// linuxKernels returns kernel images to boot.
func linuxKernels(t *testing.T) []string {
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
		t.Fatalf("no kernel in %s: %v", dir, err)
	}
	return kernels
}

// fullLane is the lane of the rig with the tests whose outcome no architecture and no
// kernel changes: an emulated boot takes its time. On real hosts they run everywhere.
const fullLane = "amd64-6.1"

// oneKernel returns a kernel for such a test.
func oneKernel(t *testing.T) string {
	t.Helper()
	if lane := os.Getenv("KVM_TEST_LANE"); lane != "" && lane != fullLane {
		t.Skipf("the rig shows this in lane %s", fullLane)
	}
	return linuxKernels(t)[0]
}

// TestLinux boots Linux to a user space, which is this test binary.
func TestLinux(t *testing.T) {
	kernels := linuxKernels(t)
	initrd := selfInitrd(t)
	boot := func(kernel, end string, cpus int, want status) {
		t.Run(fmt.Sprintf("%s %s %d", filepath.Base(kernel), end, cpus), func(t *testing.T) {
			out := bootLinux(t, want, "run", "--kernel", kernel, "--initrd", initrd, "--memory", "256M", "--cpus", strconv.Itoa(cpus),
				"--cmdline", defaultCmdline+" quiet "+endParameter+"="+end)
			if say := fmt.Sprintf("%d CPUs", cpus); !strings.Contains(out, say) {
				t.Errorf("the console does not say %q:\n%s", say, out)
			}
		})
	}
	boot(kernels[len(kernels)-1], "power-off", 2, statusOK)
	boot(kernels[0], "power-off", 1, statusOK)
	boot(kernels[0], "reset", 1, statusReset)
}

const (
	// bootTries is how often a guest may hang before it reaches user space. Under
	// the rig's emulation one in some dozens does, without a word (docs/rig.md).
	bootTries = 3
	// bootTime bounds one such boot, generously.
	bootTime = 2 * time.Minute
)

// guestProcess is the command with a guest that has reached user space.
type guestProcess struct {
	cmd            *exec.Cmd
	in             io.Writer
	stdout, stderr *transcript
}

// startLinux runs the command until its guest is ready. It gives up on a guest
// that hangs, and tries again; one that ends is not tried again.
func startLinux(t *testing.T, args ...string) *guestProcess {
	t.Helper()
	for range bootTries {
		p := &guestProcess{cmd: command(t, args...), stdout: new(transcript), stderr: new(transcript)}
		var err error
		if p.in, err = p.cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for start := time.Now(); time.Since(start) < bootTime; time.Sleep(10 * time.Millisecond) {
			if strings.Contains(p.stdout.String(), "guest: ready") {
				return p
			}
		}
		t.Logf("not ready after %v; standard output:\n%s\nstandard error:\n%s", bootTime, p.stdout.String(), p.stderr.String())
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
	t.Fatalf("no guest of %d came up", bootTries)
	return nil
}

// bootLinux runs a command whose guest is guestMain, types a line when it is ready,
// and returns what the guest said.
func bootLinux(t *testing.T, want status, args ...string) string {
	t.Helper()
	p := startLinux(t, args...)
	if _, err := p.in.Write([]byte("typed on the console\n")); err != nil {
		t.Error(err)
	}
	if got := wait(t, p.cmd); got != int(want) {
		t.Errorf("status %d, want %d; stderr:\n%s", got, want, p.stderr.String())
	}
	for _, say := range []string{"guest: Linux ", `guest: read "typed on the console\n"`} {
		if !strings.Contains(p.stdout.String(), say) {
			t.Errorf("the console does not say %q:\n%s", say, p.stdout.String())
		}
	}
	return p.stdout.String()
}

// selfInitrd packs this test binary as /init.
func selfInitrd(t *testing.T) string {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := cpio.NewWriter(&out)
	for _, err := range []error{
		w.File("init", 0o755, int64(len(self)), bytes.NewReader(self)),
		w.CharDevice("dev/console", 0o600, 5, 1),
		w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return file(t, "initrd", out.Bytes())
}
