package rig

import (
	"fmt"
	"strings"
)

// Reason says why a lane failed, as opposed to a job in it.
type Reason int

// The reasons of a Failure.
const (
	// NoQEMU: the emulator could not be had or is damaged.
	NoQEMU Reason = iota + 1
	// NoKernel: the lane's kernel could not be had or is damaged.
	NoKernel
	// BootTimeout: the guest's agent did not answer in time.
	BootTimeout
	// BootFailed: the guest's init gave up.
	BootFailed
	// NoKVM: the guest came up without /dev/kvm.
	NoKVM
	// KernelPanic: the guest's kernel panicked.
	KernelPanic
	// KernelOops: the guest's kernel hit a bug in itself, which ends the lane.
	KernelOops
	// Hang: a job was neither done nor ended by the agent after its time limit.
	Hang
	// LaneTimeout: the session as a whole took too long.
	LaneTimeout
	// QEMUDied: the emulator ended with an error or by a signal.
	QEMUDied
	// MissingResult: the guest powered off before its job had a result.
	MissingResult
	// Protocol: the guest sent what makes no sense.
	Protocol
	// Canceled: the caller's context ended.
	Canceled
)

var reasons = map[Reason]string{
	NoQEMU: "no QEMU", NoKernel: "no kernel", BootTimeout: "boot timed out",
	BootFailed: "boot failed", NoKVM: "no /dev/kvm", KernelPanic: "kernel panic",
	KernelOops: "kernel oops", Hang: "hang", LaneTimeout: "lane timed out",
	QEMUDied: "QEMU died", MissingResult: "missing result", Protocol: "protocol error",
	Canceled: "canceled",
}

func (r Reason) String() string {
	if s, ok := reasons[r]; ok {
		return s
	}
	return fmt.Sprintf("reason %d", int(r))
}

// Failure says that a lane failed. The session is over; its guest is gone.
type Failure struct {
	Reason Reason
	// Lane is the name of the lane.
	Lane string
	// Job is the command that was running, if one was.
	Job string
	// Detail is a sentence: what happened and, where there is one, the remedy.
	Detail string
	// Console is the end of what the guest's serial console printed.
	Console string
	// KernelLog is the end of the guest's kernel log as far as the agent has
	// sent it.
	KernelLog string
	// QEMU is the end of what the emulator wrote to its standard error.
	QEMU string
	// Err is the cause, if there is one.
	Err error
}

// Error is one sentence. Report has the console as well.
func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rig: lane %s: %v", f.Lane, f.Reason)
	if f.Job != "" {
		fmt.Fprintf(&b, " while %q ran", f.Job)
	}
	if f.Detail != "" {
		b.WriteString(": " + f.Detail)
	}
	if f.Err != nil {
		fmt.Fprintf(&b, ": %v", f.Err)
	}
	return b.String()
}

// Report is the error followed by the last lines of the console, of the kernel
// log and of QEMU. Who ended the session himself needs neither.
func (f *Failure) Report() string {
	var b strings.Builder
	b.WriteString(f.Error() + "\n")
	if f.Reason != Canceled {
		section(&b, "end of the kernel log", f.KernelLog, 30)
		section(&b, "end of the console", f.Console, 100)
		section(&b, "end of QEMU's standard error", f.QEMU, 5)
	}
	return b.String()
}

func section(b *strings.Builder, title, text string, lines int) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r", ""))
	if text == "" {
		return
	}
	all := strings.Split(text, "\n")
	fmt.Fprintf(b, "--- %s ---\n%s\n", title, strings.Join(all[max(0, len(all)-lines):], "\n"))
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
