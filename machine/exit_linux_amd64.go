package machine

import (
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// ownExit answers the exits that only amd64 has.
func (r *runner) ownExit(e kvm.Exit) error {
	switch e.Reason() {
	case uapi.ExitIO:
		r.io(e.IO())
	case uapi.ExitIRQWindowOpen:
		// Nothing to answer.
	case uapi.ExitShutdown:
		return r.ended(r.crashed(TripleFault, "the guest met a fault it could not handle (triple fault)"))
	default:
		return r.useless(e)
	}
	return nil
}

// io answers a port access, one element after the other for a string instruction.
func (r *runner) io(x kvm.IOExit) {
	for i := range int(x.Count) {
		r.access(&r.m.board.ports, uint64(x.Port), x.Out, x.Access(i))
	}
}
