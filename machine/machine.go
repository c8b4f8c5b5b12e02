package machine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"linuxkvm/kvm"
	"linuxkvm/memory"
)

// Machine is one virtual machine. Its methods are safe for concurrent use.
type Machine struct {
	cfg       Config
	ownSystem bool

	vm     *kvm.VM
	cpus   []*kvm.VCPU
	chips  chips // interrupt controllers that are devices of KVM
	layout layout
	space  *memory.Space
	ram    []*memory.Region
	board  *board // devices and their buses

	mu      sync.Mutex
	state   state
	started time.Time

	end     sync.Once
	result  Result
	cancel  context.CancelFunc // ends the vCPUs and the console
	running sync.WaitGroup     // vCPU threads
	ended   chan struct{}      // closed when result is set and everything has stopped
}

type state int

const (
	stateNew state = iota
	stateStarted
	stateClosed
)

// ErrNotNew is returned by Start and Run of a machine that was started before:
// a machine is used once.
var ErrNotNew = errors.New("machine: already started")

// ErrClosed is returned by every use of a closed machine.
var ErrClosed = kvm.ErrClosed

// New makes a machine, loads its kernel into guest memory, and sets its first
// vCPU up to enter it. Nothing runs yet. When it fails nothing is left behind.
func New(cfg Config) (*Machine, error) {
	devices := cfg.Devices
	cfg, err := cfg.withDefaults()
	if err != nil {
		_ = closeDevices(devices)
		return nil, err
	}
	m := &Machine{cfg: cfg, ended: make(chan struct{}), cancel: func() {}}
	if err := m.build(); err != nil {
		// The first error tells more.
		_ = m.release()
		_ = closeDevices(devices[m.board.taken():])
		return nil, err
	}
	return m, nil
}

// build makes the parts in the order KVM demands: the VM, its interrupt
// controllers, memory, vCPUs; then what needs interrupt controllers that know all
// vCPUs, which are irqfds; then the kernel and the vCPUs' state. The steps are the
// architecture's, in files of its name.
func (m *Machine) build() error {
	if m.cfg.System == nil {
		sys, err := kvm.Open()
		if err != nil {
			return err
		}
		m.cfg.System, m.ownSystem = sys, true
	}
	for _, step := range []func() error{
		m.createVM, m.createMemory, m.createBoard, m.createCPUs, m.startInterrupts, m.attachDevices, m.loadKernel,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	// The image is in guest memory now.
	m.cfg.Kernel, m.cfg.Initrd = nil, nil
	return nil
}

func (m *Machine) createCPUs() error {
	for id := range m.cfg.CPUs {
		cpu, err := m.vm.CreateVCPU(id)
		if err != nil {
			return fmt.Errorf("machine: vCPU %d: %w", id, err)
		}
		m.cpus = append(m.cpus, cpu)
		if err := m.setupCPU(cpu); err != nil {
			return fmt.Errorf("machine: vCPU %d: %w", id, err)
		}
	}
	return nil
}

// Start lets the guest run and returns. The machine stops when ctx ends.
func (m *Machine) Start(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.state {
	case stateStarted:
		return ErrNotNew
	case stateClosed:
		return ErrClosed
	}
	m.state = stateStarted
	m.started = time.Now()
	ctx, m.cancel = context.WithCancel(ctx)
	stopConsole := m.board.start(ctx)
	for _, cpu := range m.cpus {
		m.running.Go(func() { m.runCPU(ctx, cpu) })
	}
	go func() {
		m.running.Wait()
		// Every vCPU is out of the guest: the rest can only be the context.
		m.finish(Result{Ending: Stopped, CPU: -1})
		stopConsole()
		close(m.ended)
	}()
	return nil
}

// Wait waits until the guest has ended and its vCPUs have stopped.
func (m *Machine) Wait() (Result, error) {
	m.mu.Lock()
	s := m.state
	m.mu.Unlock()
	if s == stateNew {
		return Result{}, errors.New("machine: Wait before Start")
	}
	<-m.ended
	return m.result, m.result.Err()
}

// Run is Start and Wait. The error is nil when the guest powered off, was reset
// or was stopped; a crash is both in the Result and the error.
func (m *Machine) Run(ctx context.Context) (Result, error) {
	if err := m.Start(ctx); err != nil {
		return Result{}, err
	}
	return m.Wait()
}

// Stop ends a running machine at once, as pulling the plug does, and does not
// wait. Stopping a machine that has ended does nothing.
func (m *Machine) Stop() {
	m.finish(Result{Ending: Stopped, CPU: -1})
}

// finish records how the machine ended, the first time, and stops the vCPUs.
func (m *Machine) finish(r Result) {
	m.mu.Lock()
	started, cancel := m.started, m.cancel
	m.mu.Unlock()
	if started.IsZero() {
		return
	}
	m.end.Do(func() {
		r.Uptime = time.Since(started)
		m.result = r
	})
	cancel()
}

// Close stops the machine if it runs, waits for its vCPUs, and gives everything
// back: descriptors, guest memory, threads. Closing again does nothing.
func (m *Machine) Close() error {
	m.mu.Lock()
	was := m.state
	m.state = stateClosed
	m.mu.Unlock()
	switch was {
	case stateStarted:
		m.Stop()
		<-m.ended
	case stateClosed:
		return nil
	}
	return m.release()
}

// release closes whatever build has made, in the order of use.
func (m *Machine) release() error {
	var errs []error
	for _, cpu := range m.cpus {
		errs = append(errs, cpu.Close())
	}
	errs = append(errs, m.chips.close())
	if m.board != nil {
		errs = append(errs, m.board.close())
	}
	if m.vm != nil {
		errs = append(errs, m.vm.Close())
	}
	if m.space != nil {
		errs = append(errs, m.space.Close())
	}
	for _, r := range m.ram {
		errs = append(errs, r.Close())
	}
	if m.ownSystem {
		errs = append(errs, m.cfg.System.Close())
	}
	return errors.Join(errs...)
}
