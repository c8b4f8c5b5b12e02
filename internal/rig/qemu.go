package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/rig/wire"
)

// Descriptors that QEMU inherits, after the standard three.
const (
	channelFD   = 3
	initramfsFD = 4
)

// arguments are QEMU's.
func (o *Options) arguments(image string) []string {
	args := append([]string(nil), o.Lane.Machine...)
	if o.Hardware {
		args = append(args, "-accel", "kvm", "-cpu", "host")
	} else {
		args = append(args, "-accel", "tcg,thread=multi")
	}
	return append(args,
		"-smp", strconv.Itoa(o.CPUs), "-m", strconv.Itoa(o.MemoryMiB),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-device", "virtio-serial-pci",
		"-chardev", fmt.Sprintf("socket,id=rig,fd=%d", channelFD),
		"-device", "virtserialport,chardev=rig,name="+wire.PortName,
		"-kernel", image,
		"-initrd", fmt.Sprintf("/proc/self/fd/%d", initramfsFD),
		"-append", strings.Join(o.kernelCommandLine(), " "),
		// Has QEMU say of a triple fault that it was one: it is silent otherwise.
		"-d", "cpu_reset",
	)
}

func (o *Options) kernelCommandLine() []string {
	words := []string{"console=" + o.Lane.Console, "quiet", "panic=-1", "oops=panic"}
	return append(words, o.KernelArgs...)
}

// process is a running QEMU.
type process struct {
	cmd    *exec.Cmd
	stderr *tail
	// done is closed when it has ended and its output is read; err is set then.
	done chan struct{}
	err  error
}

// startQEMU starts the emulator. It is killed when ctx ends and when this
// process does, however that comes about.
func startQEMU(ctx context.Context, command []string, out *console, channel, initramfs *os.File) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, command[0], command[1:]...), stderr: newTail(8 << 10), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, p.stderr
	p.cmd.ExtraFiles = []*os.File{channel, initramfs}
	p.cmd.WaitDelay = 5 * time.Second
	// A group of its own: Ctrl-C at the terminal is for us, and we end it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread ends that started the
		// process: this one stays for as long as the process does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// socketPair returns our end of the channel and QEMU's.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("rig: socketpair: %w", err)
	}
	// Ours goes to the runtime's poller, so that Close ends a Read.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, nil, fmt.Errorf("rig: socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "rig-channel"), os.NewFile(uintptr(fds[1]), "qemu-channel"), nil
}
