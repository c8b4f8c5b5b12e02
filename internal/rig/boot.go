package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"linuxkvm/internal/kmod"
	"linuxkvm/internal/rig/wire"
)

// Boot starts a lane and returns when its guest is ready for jobs. The guest
// lives until Close, until ctx ends or until Options.Timeout has passed. An
// error that concerns the lane is a *Failure.
func Boot(ctx context.Context, opts Options) (*Session, error) {
	opts.setDefaults()
	start := time.Now()
	qemu, err := opts.Lane.Emulator(ctx, opts.Fetch)
	if err != nil {
		return nil, err
	}
	if opts.Hardware && opts.Lane.HardwareModules != nil {
		opts.Lane.Modules = opts.Lane.HardwareModules
	}
	kernel, modules, err := opts.Lane.prepare(ctx, opts.Fetch)
	if err != nil {
		return nil, err
	}
	initramfs, err := opts.initramfs(ctx, modules)
	if err != nil {
		return nil, err
	}
	defer initramfs.Close()
	s, err := opts.boot(ctx, qemu, kernel, initramfs)
	if hung(err) {
		// An emulated boot hangs once in a great many; a kernel that cannot boot does
		// so twice.
		fmt.Fprintf(opts.Fetch.Progress, "rig: lane %s: %v: booting once more\n", opts.Lane.Name, err)
		s, err = opts.boot(ctx, qemu, kernel, initramfs)
	}
	if err != nil {
		return nil, err
	}
	s.BootTime = time.Since(start)
	return s, nil
}

// boot starts QEMU and waits for the guest's agent.
func (o *Options) boot(ctx context.Context, qemu *Emulator, kernel *Kernel, initramfs *os.File) (*Session, error) {
	s, err := launch(ctx, *o, qemu, kernel, initramfs)
	if err != nil {
		return nil, err
	}
	if err := s.greet(); err != nil {
		s.abort()
		return nil, err
	}
	return s, nil
}

func hung(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Reason == BootTimeout
}

// initramfs makes the initramfs with an init that is built now or given.
func (o *Options) initramfs(ctx context.Context, modules []kmod.Loadable) (*os.File, error) {
	init := o.Init
	if init == "" {
		path, remove, err := buildInit(ctx, o.Lane)
		if err != nil {
			return nil, err
		}
		defer remove()
		init = path
	}
	return makeInitramfs(init, modules, o.Files)
}

// launch starts QEMU and what reads from it.
func launch(ctx context.Context, opts Options, qemu *Emulator, kernel *Kernel, initramfs *os.File) (*Session, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	s := &Session{
		Kernel: kernel, opts: opts, channel: ours,
		conn:   wire.NewConn(bufio.NewReaderSize(ours, 256<<10), ours),
		frames: make(chan frame, 64), kernelLog: newTail(16 << 10),
	}
	s.ctx, s.cancel = context.WithTimeoutCause(ctx, opts.Timeout, errLaneTimeout)
	s.console = newConsole(opts.Console, func() {
		// The guest is about to end by itself; make sure that it does.
		time.AfterFunc(10*time.Second, s.cancel)
	})
	s.qemu, err = startQEMU(s.ctx, qemu.Command(qemu.Root, opts.arguments(kernel.Image)...), s.console, theirs, initramfs)
	if err != nil {
		s.cancel()
		_ = ours.Close()
		if ctx.Err() != nil {
			return nil, &Failure{Reason: Canceled, Lane: opts.Lane.Name, Err: ctx.Err()}
		}
		return nil, &Failure{Reason: QEMUDied, Lane: opts.Lane.Name, Detail: "it could not be started", Err: err}
	}
	go s.receive()
	return s, nil
}

// greet waits for the agent and looks at what it has found.
func (s *Session) greet() error {
	timeout := time.NewTimer(s.opts.BootTimeout)
	defer timeout.Stop()
	select {
	case f, ok := <-s.frames:
		if !ok {
			return s.lost("")
		}
		if f.kind != wire.Hello {
			return s.fail(Protocol, "", fmt.Sprintf("the first frame of the guest is of kind %d", f.kind), nil)
		}
		if err := json.Unmarshal(f.payload, &s.hello); err != nil {
			return s.fail(Protocol, "", "", err)
		}
	case <-timeout.C:
		return s.fail(BootTimeout, "", fmt.Sprintf("no answer within %v", s.opts.BootTimeout), nil)
	}
	if !s.hello.KVM && !s.opts.withoutKVM {
		detail := fmt.Sprintf("Linux %s came up without it", s.hello.Release)
		if len(s.hello.Problems) > 0 {
			detail += ": " + strings.Join(s.hello.Problems, "; ")
		}
		return s.fail(NoKVM, "", detail, nil)
	}
	if len(s.hello.Problems) > 0 {
		return s.fail(BootFailed, "", strings.Join(s.hello.Problems, "; "), nil)
	}
	return nil
}
