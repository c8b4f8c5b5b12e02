package kvm

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"linuxkvm/internal/sys"
)

// kickState gets a vCPU out of the guest without losing a wake-up.
//
// The kicker posts, then sets immediate_exit, then signals the runner's thread if
// that is offered. The runner offers its thread, then clears immediate_exit, then
// looks at what is posted, then enters. If it looks too early to see the post,
// then the kicker's immediate_exit comes after the clearing, so that KVM_RUN
// returns at once, or the signal finds the thread inside KVM_RUN. If it sees the post, it sets immediate_exit itself and
// enters all the same: KVM then completes what the last exit began, a read from
// a port for one, without running the guest. So whoever sees a kick answered
// sees registers that are whole.
type kickState struct {
	posted atomic.Uint64 // kicks asked for
	acked  atomic.Uint64 // value of posted when a Run last reported a kick

	// thread holds the runner's thread id in its low half while that may be in
	// KVM_RUN, 0 otherwise, and the number of kickers about to signal it in its
	// high half. The runner does not leave its thread before that number is 0,
	// so that the signal cannot reach a thread that got the id later.
	thread atomic.Uint64
	tid    uint64 // the runner's own copy

	// stop is set to end a Loop: like a kick, but for the Loop alone.
	stop atomic.Bool

	waiters atomic.Int32
	mu      sync.Mutex
	ack     chan struct{} // closed at the next acknowledgement
}

const (
	kickerUnit = 1 << 32
	threadMask = kickerUnit - 1
)

// enter notes the calling thread, to which the goroutine is locked.
func (k *kickState) enter() { k.tid = uint64(sys.Gettid()) }

// leave waits for the kickers that are about to signal the thread.
func (k *kickState) leave() {
	for k.thread.Load() >= kickerUnit {
		runtime.Gosched()
	}
}

// goIn offers the thread to kickers, comeOut takes it back.
func (k *kickState) goIn()    { k.thread.Or(k.tid) }
func (k *kickState) comeOut() { k.thread.And(^uint64(threadMask)) }

// signal interrupts whatever the runner's thread is blocked in. A kicker that
// finds no runner does not count: a stream of those must not hold up leave.
func (k *kickState) signal() {
	for {
		old := k.thread.Load()
		tid := int(old & threadMask)
		if tid == 0 {
			return
		}
		if k.thread.CompareAndSwap(old, old+kickerUnit) {
			sys.SignalThread(tid)
			k.thread.Add(^uint64(kickerUnit - 1))
			return
		}
	}
}

// pending reports whether the runner has to come out of the guest.
func (k *kickState) pending() bool {
	return k.posted.Load() != k.acked.Load() || k.stop.Load()
}

// take reports whether a kick is posted, and acknowledges it. Only the runner
// calls it.
func (k *kickState) take() bool {
	n := k.posted.Load()
	if n == k.acked.Load() {
		return false
	}
	k.acked.Store(n)
	if k.waiters.Load() != 0 {
		k.wake()
	}
	return true
}

func (k *kickState) wake() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ack != nil {
		close(k.ack)
		k.ack = nil
	}
}

// wait blocks until the kick numbered n is acknowledged.
func (c *vcpuCore) wait(ctx context.Context, n uint64) error {
	k := &c.kick
	k.waiters.Add(1)
	defer k.waiters.Add(-1)
	for {
		ack, err := c.acknowledged(n)
		if ack == nil {
			return err
		}
		select {
		case <-ack:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// acknowledged returns nil when the wait is over, and otherwise a channel that
// is closed when it is worth asking again.
func (c *vcpuCore) acknowledged(n uint64) (again <-chan struct{}, err error) {
	k := &c.kick
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.acked.Load() >= n:
		return nil, nil
	case c.fd.Closed():
		return nil, ErrClosed
	case k.ack == nil:
		k.ack = make(chan struct{})
	}
	return k.ack, nil
}

// interrupt makes KVM_RUN return, whether it is entered already or not. The
// caller has the descriptor and has first set what the runner looks at.
func (c *vcpuCore) interrupt() {
	c.setImmediateExit()
	c.kick.signal()
}

// post asks for the runner's attention and returns the number to wait for.
func (c *vcpuCore) post() (uint64, error) {
	if _, ok := c.fd.Acquire(); !ok {
		return 0, ErrClosed
	}
	defer c.fd.Release()
	n := c.kick.posted.Add(1)
	c.interrupt()
	return n, nil
}

// Kick makes the Run in progress return, or else the next one, with an Exit
// whose Kicked is true. When that comes, KVM has completed the instruction that
// an earlier exit was about, so the vCPU's state can be read and saved; should
// that take further exits, they come first. Kick does not wait. Any number of
// kicks that come before the Run returns are one. It may be called from any
// goroutine.
//
// A guest is interrupted by SIGURG, which the Go runtime uses for its own ends. A
// program that calls signal.Ignore for it makes kicks, Close and a Loop's context
// wait for the guest.
//
// api: immediate_exit in struct kvm_run · cap: KVM_CAP_IMMEDIATE_EXIT · arch: all · since: Linux 4.11 · doc: virt/kvm/api.rst "The kvm_run structure"
func (v *VCPU) Kick() error {
	_, err := v.c().post()
	return err
}

// KickWait is Kick, and waits until a Run has reported the kick: from then on
// the vCPU has been out of the guest. Where nobody runs the vCPU it waits for
// the next Run, or for ctx. It must not be called by the goroutine that runs
// the vCPU. A vCPU closed meanwhile ends the wait with ErrClosed.
func (v *VCPU) KickWait(ctx context.Context) error {
	n, err := v.c().post()
	if err != nil {
		return err
	}
	return v.c().wait(ctx, n)
}
