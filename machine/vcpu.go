package machine

import (
	"context"
	"errors"
	"fmt"

	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// runner runs one vCPU. Its buffer is what exits are answered from, so that
// none of them allocates.
type runner struct {
	m   *Machine
	cpu *kvm.VCPU
	buf [64]byte
}

// runCPU runs a vCPU until the machine ends, on a thread of its own.
func (m *Machine) runCPU(ctx context.Context, cpu *kvm.VCPU) {
	r := &runner{m: m, cpu: cpu}
	err := cpu.Loop(ctx, r.handle)
	switch {
	case err == nil, errors.Is(err, ctx.Err()):
		// The machine has ended already, or ends now by the context.
		m.finish(Result{Ending: Stopped, CPU: -1})
	default:
		m.finish(r.crashed(InternalError, err.Error()))
	}
}

// handle answers one exit, on the vCPU's thread.
func (r *runner) handle(e kvm.Exit) error {
	switch e.Reason() {
	case uapi.ExitMMIO:
		r.mmio(e.MMIO())
	case uapi.ExitIntr:
		// Nothing to answer.
	case uapi.ExitSystemEvent:
		return r.systemEvent(e)
	default:
		return r.ownExit(e)
	}
	return nil
}

// useless ends the machine for an exit that nobody here can answer.
func (r *runner) useless(e kvm.Exit) error {
	return r.ended(r.crashed(InternalError, describeExit(e)))
}

// ended records the end and leaves the loop.
func (r *runner) ended(result Result) error {
	r.m.finish(result)
	return kvm.ErrStop
}

func describeExit(e kvm.Exit) string {
	switch e.Reason() {
	case uapi.ExitInternalError:
		return describeInternalError(e.InternalError())
	case uapi.ExitFailEntry:
		x := e.FailEntry()
		return fmt.Sprintf("the processor refused to enter the guest (hardware reason %#x, host CPU %d)", x.HardwareReason, x.CPU)
	default:
		return fmt.Sprintf("KVM returned %v, which this machine has no use for", e.Reason())
	}
}

// internalErrors are KVM's suberrors in words.
var internalErrors = map[uint32]string{
	uapi.InternalErrorEmulation:            "it cannot emulate the instruction that is next, or there is no memory to fetch it from",
	uapi.InternalErrorSimulEx:              "an exception came while another one was being delivered",
	uapi.InternalErrorDeliveryEv:           "an event could not be delivered to the guest",
	uapi.InternalErrorUnexpectedExitReason: "the processor left the guest for a reason KVM does not know",
}

func describeInternalError(x kvm.InternalErrorExit) string {
	words, known := internalErrors[x.Suberror]
	if !known {
		words = "it does not say why in terms known here"
	}
	return fmt.Sprintf("KVM could not go on: %s (suberror %d, data %#x)", words, x.Suberror, x.Data[:x.NData])
}

// systemEvent answers an event that the guest raised through its firmware
// interface and that KVM passes on.
func (r *runner) systemEvent(e kvm.Exit) error {
	switch ev := e.SystemEvent(); ev.Type {
	case uapi.SystemEventShutdown:
		return r.ended(Result{Ending: PowerOff, CPU: r.cpu.ID()})
	case uapi.SystemEventReset:
		return r.ended(Result{Ending: Reset, CPU: r.cpu.ID()})
	case uapi.SystemEventCrash:
		return r.ended(r.crashed(InternalError, "the guest says that it has crashed"))
	default:
		return r.ended(r.crashed(InternalError, fmt.Sprintf("the guest reports system event %d", ev.Type)))
	}
}
