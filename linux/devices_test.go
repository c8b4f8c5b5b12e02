package linux

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linuxkvm/virtio"
	"linuxkvm/virtio/balloon"
	hvc "linuxkvm/virtio/console"
)

// deviceCommand is what guests do with devices.
func deviceCommand(args []string) error {
	switch args[0] {
	case "random": // bytes of the device itself
		f, err := os.Open("/dev/hwrng")
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.CopyN(os.Stdout, f, 4096)
		return err
	case "echo": // a line on a terminal
		return echoLine(args[1])
	case "discard", "zero":
		request := uint(unix.BLKDISCARD)
		if args[0] == "zero" {
			request = unix.BLKZEROOUT
		}
		return blockRange(args[1], request)
	case "touch": // memory, and let go of it
		b := make([]byte, 16<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		return nil
	default:
		return volumeCommand(args)
	}
}

func echoLine(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, "guest: ready"); err != nil {
		return err
	}
	line, err := bufio.NewReader(f).ReadString('\n')
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "guest: read %q\n", line)
	return err
}

// blockRange does a request for the second mebibyte of a disk.
func blockRange(path string, request uint) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return ioctlRange(f.Fd(), request, [2]uint64{1 << 20, 1 << 20})
}

// The guest has random bytes of the host, a second console, and its disk discards.
func TestGuestDevices(t *testing.T) {
	disk := smallDisk(t, 4<<20)
	writeHost(t, disk, bytes.Repeat([]byte{1}, 4<<20))
	in, typed := io.Pipe()
	out := new(lines)
	terminal := hvc.New(hvc.Config{Input: in, Output: out})
	vm := startGuest(t, Config{
		Kernel: testKernels(t)[0], Memory: 256 << 20, CPUs: 2,
		Disks: []Disk{{Path: disk}}, Devices: []virtio.Device{terminal},
	})
	t.Run("random", func(t *testing.T) {
		b, err := tool(t.Context(), vm, "random")
		if err != nil || len(b) != 4096 || strings.Count(b, b[:1]) > 200 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
	t.Run("console", func(t *testing.T) {
		// Typed ahead, and read.
		go func() { _, _ = io.WriteString(typed, "words for the guest\n") }()
		wantTool(t, vm, "", true, "echo", "/dev/hvc0")
		if !waitFor(func() bool { return strings.Contains(out.String(), `guest: read "words for the guest\n"`) }) {
			t.Errorf("the guest wrote %q", out.String())
		}
	})
	t.Run("discard", func(t *testing.T) {
		before := allocated(t, disk)
		wantTool(t, vm, "", true, "discard", "/dev/vda")
		if now := allocated(t, disk); now > before-1<<20 {
			t.Errorf("%d bytes of the file are allocated, %d before", now, before)
		}
		wantTool(t, vm, "", true, "zero", "/dev/vda")
		b, err := os.ReadFile(disk)
		if err != nil || bytes.Count(b, []byte{0}) != 1<<20 || len(bytes.Trim(b[1<<20:2<<20], "\x00")) != 0 {
			t.Errorf("%d bytes are zero, %v", bytes.Count(b, []byte{0}), err)
		}
	})
}

// A guest gives memory to the host, and has it back.
func TestBalloon(t *testing.T) {
	vm := startGuest(t, Config{Kernel: oneKernel(t), Memory: 256 << 20, CPUs: 2})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stats, err := vm.MemoryStats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	total, ok := stats.Get(balloon.StatTotal)
	if !ok || total < 128<<20 || total > 256<<20 {
		t.Errorf("the guest has %d bytes of memory, %v", total, ok)
	}
	// The kernel zeros each page that it gives up, and under the rig's emulation each
	// takes a millisecond or two.
	const size = 32 << 20
	vm.SetBalloon(size)
	if !waitFor(func() bool { return vm.Balloon() == size }) {
		t.Errorf("the balloon has %d bytes, want %d", vm.Balloon(), size)
	}
	if n := vm.balloon.Counters().Inflated * balloon.PageSize; n < size/2 {
		t.Errorf("%d bytes were given back, want %d or nearly", n, size)
	}
	wantTool(t, vm, "", true, "touch") // there is memory still
	vm.SetBalloon(0)
	if !waitFor(func() bool { return vm.Balloon() == 0 }) {
		t.Errorf("the balloon has %d bytes, want none", vm.Balloon())
	}
	// What was used and is free now is reported.
	before := vm.balloon.Counters().Reported
	if !waitFor(func() bool { return vm.balloon.Counters().Reported > before }) {
		t.Error("no free page was reported")
	}
	// All there is and more: the guest keeps what it needs, and lives.
	vm.SetBalloon(1 << 40)
	if !waitFor(func() bool { return vm.Balloon() > 2*size }) {
		t.Errorf("the balloon has %d bytes", vm.Balloon())
	}
	wantTool(t, vm, "", true, "commit", "/tmp/file", "well")
}

// lines is what a device has written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func allocated(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}
