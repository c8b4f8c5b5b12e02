package linux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"linuxkvm/internal/agent"
	"linuxkvm/internal/agent/wire"
	"linuxkvm/internal/guestinit"
	"linuxkvm/machine"
	"linuxkvm/virtio/balloon"
	"linuxkvm/virtio/net/usernet"
	"linuxkvm/virtio/vsock"
)

// VM is a running guest. Its methods are safe for concurrent use.
type VM struct {
	machine *machine.Machine
	vsock   *vsock.Device
	balloon *balloon.Device
	user    *usernet.Network // nil where the guest has none
	agent   agent.Client
	console *console
	ended   chan struct{} // closed when the machine has ended
	result  machine.Result
	err     error
	release string
	closers []io.Closer // closed after the machine
	closing sync.Once
}

// Cmd is a command in a guest; it follows os/exec.
type Cmd = agent.Cmd

// Size is that of a command's terminal, in characters.
type Size = agent.Size

// ExitError is how a command ended that did not succeed.
type ExitError = agent.ExitError

// ErrGone is wrapped by what a command ends with when the guest ended first, or its
// agent did.
var ErrGone = agent.ErrGone

// guestCID is the guest's vsock address. Each machine is a world of its own.
const guestCID = 3

// Start makes a guest, starts it, and returns when it takes commands. ctx is for the
// start alone. When it fails nothing is left behind.
func Start(ctx context.Context, cfg Config) (*VM, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	vm, err := create(&cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Ready != nil {
		if err := cfg.Ready(); err != nil {
			return nil, errors.Join(err, vm.Close())
		}
	}
	if err := vm.boot(ctx); err != nil {
		return nil, errors.Join(err, vm.Close())
	}
	return vm, nil
}

// create makes the machine.
func create(cfg *Config) (*VM, error) {
	vm := &VM{console: &console{out: cfg.Console}, ended: make(chan struct{})}
	devices, err := vm.openDevices(cfg)
	if err != nil {
		return nil, errors.Join(err, closeAll(vm.closers))
	}
	kernel, initrd, err := cfg.images()
	if err != nil {
		return nil, errors.Join(err, closeAll(closersOf(devices)), closeAll(vm.closers))
	}
	// They are read by New and not needed afterwards.
	defer kernel.Close()
	defer initrd.Close()
	vm.machine, err = machine.New(machine.Config{
		System: cfg.System, Kernel: kernel, Initrd: initrd, Cmdline: cfg.cmdline(),
		CPUs: cfg.CPUs, Memory: cfg.Memory, ConsoleOut: vm.console, Devices: devices,
	})
	if err != nil {
		return nil, errors.Join(err, closeAll(vm.closers))
	}
	return vm, nil
}

// boot starts the machine and waits until the guest says that it is ready.
func (vm *VM) boot(ctx context.Context) error {
	l, err := vm.vsock.Listen(guestinit.ReadyPort)
	if err != nil {
		return err
	}
	defer l.Close()
	// The machine's life is not the start's.
	if err := vm.machine.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	go func() {
		vm.result, vm.err = vm.machine.Wait()
		close(vm.ended)
		_ = l.Close() // nobody will connect any more
	}()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	conn, err := l.Accept()
	if err != nil {
		return vm.whyNotReady(ctx, err)
	}
	defer conn.Close()
	var ready guestinit.Ready
	if err := wire.Receive(conn, &ready); err != nil {
		return vm.whyNotReady(ctx, err)
	}
	vm.release = ready.Release
	for _, p := range ready.Problems {
		_, _ = fmt.Fprintf(vm.console, "linuxkvm: %s\n", p) // the console is for people
	}
	return nil
}

// whyNotReady finds the reason why a guest did not come up.
func (vm *VM) whyNotReady(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("linux: the guest is not ready: %w%s", ctx.Err(), vm.console.last())
	}
	select {
	case <-vm.ended:
		return fmt.Errorf("linux: the guest ended before it was ready: %w%s", errors.Join(vm.err, fmt.Errorf("%v", vm.result.Ending)), vm.console.last())
	default:
		return fmt.Errorf("linux: the guest is not ready: %w%s", err, vm.console.last())
	}
}

// Release is what the guest's kernel calls itself, as uname -r says.
func (vm *VM) Release() string { return vm.release }

// Command returns a command to run in the guest: set its fields, then Run it, or
// Start and Wait. When ctx ends the command is killed.
func (vm *VM) Command(ctx context.Context, name string, args ...string) *Cmd {
	return vm.agent.Command(ctx, name, args...)
}

// Pack returns a tar archive of a file or directory of the guest: names are relative
// to it, that of a file is its own. The caller closes it.
func (vm *VM) Pack(ctx context.Context, path string) (io.ReadCloser, error) {
	return vm.agent.Pack(ctx, path)
}

// Unpack writes a tar archive below a directory of the guest, which is made if it is
// not there.
func (vm *VM) Unpack(ctx context.Context, path string, tar io.Reader) error {
	return vm.agent.Unpack(ctx, path, tar)
}

// Dial connects to a vsock port on which a program of the guest listens.
func (vm *VM) Dial(ctx context.Context, port uint32) (net.Conn, error) {
	return vm.vsock.Dial(ctx, port)
}

// Listen takes connections that programs of the guest make to a vsock port of the
// host (CID 2).
func (vm *VM) Listen(port uint32) (net.Listener, error) { return vm.vsock.Listen(port) }

// Shutdown asks the guest to end its processes and to power off, and waits for that.
// When ctx ends before, the machine is stopped as pulling the plug does, and the
// error is ctx's.
func (vm *VM) Shutdown(ctx context.Context) error {
	err := vm.agent.Shutdown(ctx)
	select {
	case <-vm.ended:
		return vm.err
	default:
	}
	if err == nil {
		select {
		case <-vm.ended:
			return vm.err
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	vm.machine.Stop()
	<-vm.ended
	return fmt.Errorf("linux: the guest did not shut down and was stopped: %w", err)
}

// Wait waits until the machine has ended and says how.
func (vm *VM) Wait() (machine.Result, error) {
	<-vm.ended
	return vm.result, vm.err
}

// Done is closed when the machine has ended.
func (vm *VM) Done() <-chan struct{} { return vm.ended }

// Stop ends the machine at once and does not wait.
func (vm *VM) Stop() { vm.machine.Stop() }

// Close stops the machine if it runs and gives everything back. Closing again does
// nothing.
func (vm *VM) Close() error {
	err := vm.machine.Close()
	vm.closing.Do(func() { err = errors.Join(err, closeAll(vm.closers)) })
	return err
}
