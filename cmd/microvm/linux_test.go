package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

// TestLinux boots Linux to a user space, which is this test binary.
func TestLinux(t *testing.T) {
	kernels := linuxKernels(t)
	initrd := selfInitrd(t)
	for i, kernel := range kernels {
		for end, want := range map[string]status{"power-off": statusOK, "reset": statusReset} {
			if end == "reset" && i > 0 {
				continue // a boot takes its time there
			}
			t.Run(filepath.Base(kernel)+" "+end, func(t *testing.T) {
				cmd := command(t, "run", "--kernel", kernel, "--initrd", initrd, "--memory", "256M",
					"--cmdline", defaultCmdline+" quiet "+endParameter+"="+end)
				bootLinux(t, cmd, want)
			})
		}
	}
}

// bootLinux runs a command whose guest is guestMain, and types a line when it is ready.
func bootLinux(t *testing.T, cmd *exec.Cmd, want status) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr transcript
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdout.waitFor(t, "guest: ready")
	if _, err := in.Write([]byte("typed on the console\n")); err != nil {
		t.Error(err)
	}
	if got := wait(t, cmd); got != int(want) {
		t.Errorf("status %d, want %d; stderr:\n%s", got, want, stderr.String())
	}
	for _, say := range []string{"guest: Linux ", `guest: read "typed on the console\n"`} {
		if !strings.Contains(stdout.String(), say) {
			t.Errorf("the console does not say %q:\n%s", say, stdout.String())
		}
	}
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
