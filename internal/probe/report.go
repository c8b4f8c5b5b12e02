package probe

import (
	"fmt"
	"time"
)

// Report is what Measure found.
type Report struct {
	// Exit is the median time of a KVM_RUN in which the guest writes to a device, a
	// port on amd64 and a memory-mapped one elsewhere: into the guest, two
	// instructions, and back.
	Exit time.Duration
	// KernelLoop and UserLoop are nanoseconds per iteration of a loop of two
	// instructions, in the privileged mode of a kernel and in user mode.
	KernelLoop, UserLoop float64
}

// Kernel mode counts as emulated when it is slower than user mode by more than
// slowdownOfEmulation, and takes more than emulatedLoop nanoseconds. Neither
// alone would do: a machine that is itself emulated is slow in both modes, and
// fast machines vary.
const (
	slowdownOfEmulation = 20
	emulatedLoop        = 100
)

// Slowdown is how much longer kernel mode takes than user mode for the same work.
func (r Report) Slowdown() float64 {
	if r.UserLoop <= 0 {
		return 1
	}
	return r.KernelLoop / r.UserLoop
}

// KernelModeEmulated reports whether this host emulates guest kernel mode, so
// that an operating system would crawl.
func (r Report) KernelModeEmulated() bool {
	return r.KernelLoop > emulatedLoop && r.Slowdown() > slowdownOfEmulation
}

// Advice says what follows from the report, in one sentence or two.
func (r Report) Advice() string {
	if !r.KernelModeEmulated() {
		return "Guest kernel mode runs on the processor: an operating system is at home here."
	}
	return fmt.Sprintf("Guest kernel mode is emulated here, %.0f times slower than user mode: small guests run well, "+
		"but Linux would crawl and not finish its boot. Run it where KVM has hardware support, or in the rig: "+
		"'make run' in this project's tree does that.", r.Slowdown())
}
