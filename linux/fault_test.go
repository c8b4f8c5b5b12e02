package linux

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linuxkvm/machine"
	"linuxkvm/virtio/blk"
)

// faultCommand is what guests do here.
func faultCommand(args []string) int {
	var err error
	switch args[0] {
	case "hold": // until killed
		fmt.Println("holding")
		time.Sleep(time.Hour)
	case "panic":
		err = os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
	case "commit":
		err = commit(args[1], args[2])
	case "fill":
		err = fill(args[1])
	case "check": // that a whole file can be read
		var f *os.File
		if f, err = os.Open(args[1]); err == nil {
			_, err = io.Copy(io.Discard, f)
		}
	case "chatter": // a gigabyte on the kernel's console
		var f *os.File
		if f, err = os.OpenFile("/dev/console", os.O_WRONLY, 0); err == nil {
			_, err = io.CopyN(f, endless{}, 1<<30)
		}
	default:
		err = networkCommand(args)
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		fmt.Print(unix.ErrnoName(errno))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// commit writes at the begin of a file or disk, and returns when it is there to stay.
func commit(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Sync()
}

// fill writes until there is no more room, past the page cache.
func fill(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_SYNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 1<<16)); err != nil {
			return err
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// tool runs this program as a command of a guest.
func tool(ctx context.Context, vm *VM, args ...string) (string, error) {
	out, err := vm.Command(ctx, "/init", append([]string{guestArg}, args...)...).Output()
	return string(out), err
}

// wantTool fails the test unless the command prints want and succeeds as said.
func wantTool(t *testing.T, vm *VM, want string, succeeds bool, args ...string) {
	t.Helper()
	begin := time.Now()
	out, err := tool(t.Context(), vm, args...)
	t.Logf("%v: %v", args, time.Since(begin))
	if out != want || (err == nil) != succeeds {
		t.Errorf("%v: %q, %v; want %q", args, out, err, want)
	}
}

// smallDisk is a file of zeros.
func smallDisk(t *testing.T, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func faultGuest(t *testing.T, cfg Config) *VM {
	t.Helper()
	cfg.Kernel, cfg.Memory = oneKernel(t), 256<<20
	return startGuest(t, cfg)
}

// startHolding starts a command that does not end, and returns when it runs.
func startHolding(t *testing.T, vm *VM) *Cmd {
	t.Helper()
	c := vm.Command(t.Context(), "/init", guestArg, "hold")
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	return c
}

// wantGone fails the test unless the command and the machine end, and as they should.
func wantGone(t *testing.T, vm *VM, c *Cmd, want machine.Ending) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for what, done := range map[string]func() bool{
		"command": func() bool { return waitFor(func() bool { return len(ended) == 1 }) },
		"machine": func() bool { return waitFor(func() bool { return isClosed(vm.Done()) }) },
	} {
		if !done() {
			t.Fatalf("the %s does not end", what)
		}
	}
	if err := <-ended; !errors.Is(err, ErrGone) {
		t.Errorf("the command ended with %v", err)
	}
	if result, err := vm.Wait(); result.Ending != want || err != nil {
		t.Errorf("the machine ended with %v, %v; want %v", result.Ending, err, want)
	}
	if _, err := tool(t.Context(), vm, "uname"); err == nil {
		t.Error("a guest that has ended runs a command")
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func waitFor(done func() bool) bool {
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// A guest that the host stops takes its commands along, and a disk has what was
// committed.
func TestFaultStopped(t *testing.T) {
	disk := smallDisk(t, 1<<20)
	vm := faultGuest(t, Config{Disks: []Disk{{Path: disk}}})
	wantTool(t, vm, "", true, "commit", "/dev/vda", "committed")
	c := startHolding(t, vm)
	vm.Stop()
	wantGone(t, vm, c, machine.Stopped)
	wantCommitted(t, disk)
}

func wantCommitted(t *testing.T, disk string) {
	t.Helper()
	b, err := os.ReadFile(disk)
	if err != nil || !bytes.HasPrefix(b, []byte("committed")) {
		t.Errorf("the disk begins with %.20q, %v", b, err)
	}
}

// A kernel that panics resets its machine, which ends.
func TestFaultPanic(t *testing.T) {
	vm := faultGuest(t, Config{})
	c := startHolding(t, vm)
	if out, err := tool(t.Context(), vm, "panic"); !errors.Is(err, ErrGone) {
		t.Errorf("the command that panics: %q, %v", out, err)
	}
	wantGone(t, vm, c, machine.Reset)
	if tail := vm.ConsoleTail(); !strings.Contains(tail, "Kernel panic") {
		t.Errorf("the console ends with %q", tail)
	}
}

// What a guest does to itself, and the host to what it has lent: it fails, the guest
// gets an error, and goes on.
func TestFaultsThatAGuestSurvives(t *testing.T) {
	kernel := oneKernel(t)
	small, shorter, base := smallDisk(t, 1<<20), smallDisk(t, 4<<20), smallDisk(t, 4<<20)
	shared := filepath.Join(t.TempDir(), "shared")
	if err := os.Mkdir(shared, 0o755); err != nil {
		t.Fatal(err)
	}
	writeHost(t, filepath.Join(shared, "greeting"), []byte("hello"))
	t.Setenv("TMPDIR", smallFileSystem(t)) // of private disks
	vm := startGuest(t, Config{
		Kernel: kernel, Memory: 256 << 20, Console: io.Discard,
		Disks:   []Disk{{Path: small}, {Path: shorter}, {Path: base, Private: true}},
		Volumes: []Volume{{Path: shared, Mount: "/shared"}},
	})
	for name, test := range map[string]func(t *testing.T){
		"its disk is full":   func(t *testing.T) { wantTool(t, vm, "ENOSPC", false, "fill", "/dev/vda") },
		"its memory is full": func(t *testing.T) { wantTool(t, vm, "ENOSPC", false, "fill", "/run/full") },
		"its disk fails":     func(t *testing.T) { testFailingDisk(t, vm, shorter) },
		"the host is full":   func(t *testing.T) { testFullHost(t, vm, base) },
		"its volume vanishes": func(t *testing.T) {
			wantTool(t, vm, "hello", true, "read", "/shared/greeting")
			if err := os.RemoveAll(shared); err != nil {
				t.Fatal(err)
			}
			if out, err := tool(t.Context(), vm, "commit", "/shared/new", "x"); err == nil || !strings.HasPrefix(out, "E") {
				t.Errorf("a file in a directory that is gone: %q, %v", out, err)
			}
		},
		"it floods its console": func(t *testing.T) { testConsoleFlood(t, vm) },
	} {
		t.Run(name, func(t *testing.T) {
			test(t)
			wantTool(t, vm, "", true, "commit", "/tmp/file", "well")
			wantTool(t, vm, "well", true, "read", "/tmp/file")
		})
	}
}

// smallFileSystem is one of 256 KiB, for what the host has no room for.
func smallFileSystem(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("needs root, to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount, after the VM: %v", err)
		}
	})
	return dir
}

// A disk whose file got shorter under it fails where it has nothing any more, and
// works elsewhere.
func testFailingDisk(t *testing.T, vm *VM, disk string) {
	if err := os.Truncate(disk, 1<<20); err != nil {
		t.Fatal(err)
	}
	wantTool(t, vm, "EIO", false, "check", "/dev/vdb")
	wantTool(t, vm, "", true, "commit", "/dev/vdb", "committed")
	wantCommitted(t, disk)
}

// A private disk that the host has no room for fails to be written, and only that.
func testFullHost(t *testing.T, vm *VM, base string) {
	if out, err := tool(t.Context(), vm, "fill", "/dev/vdc"); err == nil || out != "ENOSPC" && out != "EIO" {
		t.Errorf("fill: %q, %v", out, err)
	}
	wantTool(t, vm, "", true, "check", "/dev/vdc")
	if b, err := os.ReadFile(base); err != nil || len(bytes.Trim(b, "\x00")) != 0 {
		t.Errorf("the base was written to: %v", err)
	}
}

// Of a flood the host keeps the end only, and the rest of the guest has its turn.
func testConsoleFlood(t *testing.T, vm *VM) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := tool(ctx, vm, "chatter"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("chatter: %v", err)
	}
	vm.console.mu.Lock()
	defer vm.console.mu.Unlock()
	if n := len(vm.console.tail); n > tailSize {
		t.Errorf("%d bytes of console are kept", n)
	}
}

// killedEnv makes the test binary a program with a guest, to be killed; its value is
// the guest's disk.
const killedEnv = "LINUXKVM_TEST_KILLED"

func toBeKilled(disk string) int {
	ctx := context.Background()
	vm, err := Start(ctx, Config{
		Kernel: Kernel{os.Getenv(killedEnv + "_IMAGE"), os.Getenv(killedEnv + "_MODULES")}, Memory: 256 << 20,
		Disks: []Disk{{Path: disk}, {Path: disk + ".base", Private: true}},
	})
	if err == nil {
		_, err = tool(ctx, vm, "commit", "/dev/vdb", "private")
	}
	if err == nil {
		_, err = tool(ctx, vm, "commit", "/dev/vda", "committed")
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("committed")
	_, _ = tool(ctx, vm, "hold")
	return 2
}

// A program that is killed leaves nothing of its guest but what was committed.
func TestFaultKilledProgram(t *testing.T) {
	kernel := oneKernel(t)
	temp := t.TempDir()
	disk := smallDisk(t, 1<<20)
	if err := os.WriteFile(disk+".base", make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	before := leftovers(t)
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), killedEnv+"="+disk, killedEnv+"_IMAGE="+kernel.Image, killedEnv+"_MODULES="+kernel.Modules, "TMPDIR="+temp)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, lockErr := blk.OpenRaw(disk, false); !errors.Is(lockErr, blk.ErrLocked) {
		t.Errorf("while it runs: %v", lockErr)
	}
	if killErr := cmd.Process.Kill(); killErr != nil {
		t.Error(killErr)
	}
	_ = cmd.Wait() // killed
	if line != "committed\n" {
		t.Fatalf("the program said %q, %v", line, err)
	}
	wantCommitted(t, disk)
	again, err := blk.OpenRaw(disk, false)
	if err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(disk + ".base"); err != nil || len(bytes.Trim(b, "\x00")) != 0 {
		t.Errorf("the base of the private disk was written to: %v", err)
	}
	if files, err := os.ReadDir(temp); err != nil || len(files) > 0 {
		t.Errorf("temporary files: %v, %v", files, err)
	}
	if after := leftovers(t); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

// leftovers are the system's mounts and sockets with names.
func leftovers(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	var names strings.Builder
	for line := range strings.Lines(string(sockets)) {
		if f := strings.Fields(line); len(f) > 7 {
			names.WriteString(f[7] + "\n")
		}
	}
	return string(mounts) + names.String()
}

// manyGuests is how many TestFaultManyGuests has, and how many start at a time.
func manyGuests(t *testing.T) (n, starts int) {
	if os.Getenv("KVM_TEST_LANE") == "" {
		return 50, 50
	}
	n, starts = 2, 2 // the rig emulates them all on a few processors
	if s := os.Getenv("LINUXKVM_TEST_GUESTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatalf("LINUXKVM_TEST_GUESTS=%s: %v", s, err)
		}
	}
	return n, starts
}

// Many guests at once, in one program, each with its own work.
func TestFaultManyGuests(t *testing.T) {
	kernel := oneKernel(t)
	n, starts := manyGuests(t)
	turn := make(chan struct{}, starts)
	base := smallDisk(t, 1<<20)
	var starting sync.WaitGroup
	vms := make([]*VM, n)
	for i := range vms {
		starting.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			vm, err := start(t, Config{Kernel: kernel, Memory: 128 << 20, Disks: []Disk{{Path: base, Private: true}}})
			if err != nil {
				t.Errorf("guest %d: %v", i, err)
				return
			}
			vms[i] = vm
		})
	}
	starting.Wait()
	var working sync.WaitGroup
	for i, vm := range vms {
		if vm == nil {
			continue
		}
		working.Go(func() {
			defer func() {
				if err := vm.Close(); err != nil {
					t.Errorf("guest %d: %v", i, err)
				}
			}()
			text := fmt.Sprintf("guest %d", i)
			wantTool(t, vm, "", true, "commit", "/dev/vda", text)
			if out, err := tool(t.Context(), vm, "read", "/dev/vda"); err != nil || strings.TrimRight(out, "\x00") != text {
				t.Errorf("guest %d reads %.20q, %v", i, out, err)
			}
		})
	}
	working.Wait()
}
