package machine

import (
	"fmt"
	"time"
)

// Ending is the way a guest came to its end.
type Ending int

const (
	// PowerOff means that the guest switched itself off.
	PowerOff Ending = iota + 1
	// Reset means that the guest asked for a reset (a reboot, or a panic with panic=-1).
	// A machine does not start again by itself.
	Reset
	// TripleFault means that a vCPU met a fault while it handled a fault that it met while
	// it handled a fault. Some kernels reboot this way.
	TripleFault
	// InternalError means that KVM could not go on with a vCPU.
	InternalError
	// Stopped means that the host ended the machine, by Stop or by the context.
	Stopped
)

var endingNames = map[Ending]string{
	PowerOff: "power-off", Reset: "reset", TripleFault: "triple fault",
	InternalError: "internal error", Stopped: "stopped by the host",
}

// String returns the ending in words.
func (e Ending) String() string {
	if s, ok := endingNames[e]; ok {
		return s
	}
	return fmt.Sprintf("Ending(%d)", int(e))
}

// Result says how a machine ended.
type Result struct {
	Ending Ending
	// Uptime is the time from Start to the end.
	Uptime time.Duration
	// CPU is the id of the vCPU on which it happened, or -1.
	CPU int
	// Crash is what that vCPU was doing, for TripleFault and InternalError.
	Crash *Crash
}

// Err returns nil when the guest ended by its own will or by the host's, and
// otherwise the crash as an error.
func (r Result) Err() error {
	if r.Crash == nil {
		return nil
	}
	return r.Crash
}
