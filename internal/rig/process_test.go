package rig

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNoLeftover kills a process that runs an emulator (here: sleep) without a
// chance to clean up. The emulator has to go as well.
func TestNoLeftover(t *testing.T) {
	parent := exec.Command("/proc/self/exe")
	parent.Env = append(os.Environ(), "RIG_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, 0); err != nil {
		t.Fatalf("the emulator does not run: %v", err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// An error: it was killed.
	_ = parent.Wait()
	for range 100 {
		if ended(pid) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("process %d outlived the one that started it", pid)
	_ = unix.Kill(pid, unix.SIGKILL)
}

// ended reports whether a process is gone or a zombie that nobody has reaped:
// in a container process 1 may not reap.
func ended(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(after, "Z")
}

// parentProcess is the process to be killed.
func parentProcess() {
	ours, theirs, err := socketPair()
	if err != nil {
		panic(err)
	}
	p, err := startQEMU(context.Background(), []string{"/bin/sleep", "600"}, newConsole(io.Discard, func() {}), ours, theirs)
	if err != nil {
		panic(err)
	}
	fmt.Println(p.cmd.Process.Pid)
	time.Sleep(time.Hour)
}
