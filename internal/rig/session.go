package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"linuxkvm/internal/rig/wire"
)

var errLaneTimeout = errors.New("the lane's time is up")

// Session is a lane that is up. Run may be called from several goroutines; the
// jobs run one after the other.
type Session struct {
	// Kernel is what the lane runs.
	Kernel *Kernel
	// BootTime is how long it took from the call of Boot until the guest was
	// ready.
	BootTime time.Duration

	opts    Options
	ctx     context.Context
	cancel  context.CancelFunc
	qemu    *process
	channel *os.File
	conn    *wire.Conn
	console *console
	hello   wire.HelloMessage

	// frames are those that concern the running job; closed at the end.
	frames    chan frame
	kernelLog *tail

	mu       sync.Mutex
	warnings []string

	run     sync.Mutex
	failure error
	closed  bool
}

type frame struct {
	kind    wire.Kind
	payload []byte
}

// Lane returns the lane that the session runs.
func (s *Session) Lane() Lane { return s.opts.Lane }

// GuestUptime is the guest's uptime when its agent came up.
func (s *Session) GuestUptime() time.Duration {
	return time.Duration(s.hello.UptimeSeconds * float64(time.Second))
}

// receive reads frames until the guest is gone.
func (s *Session) receive() {
	defer close(s.frames)
	for {
		kind, payload, err := s.conn.Receive()
		if err != nil {
			return
		}
		if kind == wire.KernelLog {
			s.logged(string(payload))
			continue
		}
		select {
		case s.frames <- frame{kind, payload}:
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Session) logged(line string) {
	fmt.Fprintln(s.kernelLog, line)
	fmt.Fprintln(s.opts.KernelLog, line)
	if isTrouble(line) {
		s.mu.Lock()
		s.warnings = append(s.warnings, line)
		s.mu.Unlock()
	}
}

// KernelWarnings returns the warnings of the guest's kernel that no result had.
func (s *Session) KernelWarnings() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.warnings
	s.warnings = nil
	return w
}

// lost says why the guest is gone, once its channel is closed.
func (s *Session) lost(job string) error {
	select {
	case <-s.qemu.done:
	case <-time.After(15 * time.Second):
		s.cancel()
		<-s.qemu.done
		return s.fail(Protocol, job, "the guest's channel closed while QEMU went on", nil)
	}
	reason, line := s.console.verdict()
	switch {
	case reason == BootFailed && job != "":
		return s.fail(MissingResult, job, line, nil)
	case reason != 0:
		return s.fail(reason, job, line, nil)
	case errors.Is(context.Cause(s.ctx), errLaneTimeout):
		return s.fail(LaneTimeout, job, fmt.Sprintf("not done after %v", s.opts.Timeout), nil)
	case s.ctx.Err() != nil:
		return s.fail(Canceled, job, "", context.Cause(s.ctx))
	case s.qemu.err != nil:
		return s.fail(QEMUDied, job, "", s.qemu.err)
	case job == "":
		return s.fail(BootFailed, job, s.howItEnded()+" before it was ready", nil)
	default:
		return s.fail(MissingResult, job, s.howItEnded()+" first", nil)
	}
}

// howItEnded tells a triple fault, which resets the processor and of which the
// guest says nothing, from a guest that powered off.
func (s *Session) howItEnded() string {
	if strings.Contains(s.qemu.stderr.String(), "Triple fault") {
		return "the guest's processor was reset by a triple fault"
	}
	return "the guest powered off"
}

// fail makes a Failure and ends the guest.
func (s *Session) fail(reason Reason, job, detail string, err error) error {
	s.abort()
	return &Failure{
		Reason: reason, Lane: s.opts.Lane.Name, Job: job, Detail: detail, Err: err,
		Console: s.console.end.String(), KernelLog: s.kernelLog.String(), QEMU: s.qemu.stderr.String(),
	}
}

// abort ends QEMU without asking and waits for it.
func (s *Session) abort() {
	s.cancel()
	<-s.qemu.done
	_ = s.channel.Close()
}

// Close powers the guest off and waits for its end. It is an error if the guest
// panicked since the last result. A second Close does nothing.
func (s *Session) Close() error {
	s.run.Lock()
	defer s.run.Unlock()
	if s.closed || s.failure != nil {
		return nil
	}
	s.closed = true
	defer s.abort()
	if err := s.conn.Send(wire.Shutdown, nil); err != nil {
		return s.lost("")
	}
	select {
	case <-s.qemu.done:
	case <-time.After(20 * time.Second):
		return s.fail(Hang, "", "the guest does not power off", nil)
	}
	if reason, line := s.console.verdict(); reason != 0 {
		return s.fail(reason, "", line, nil)
	}
	if s.qemu.err != nil {
		return s.fail(QEMUDied, "", "", s.qemu.err)
	}
	return nil
}
