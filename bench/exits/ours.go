//go:build linux && amd64

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// ours is our side of the comparison.
type ours struct {
	sys                    *kvm.System
	port, dev, mixed, idle *guest
	sink                   uint64 // so that nothing is left out for want of use
}

func newOurs() (*ours, error) {
	o := &ours{}
	if err := o.setUp(); err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

func (o *ours) setUp() (err error) {
	if o.sys, err = kvm.Open(); err != nil {
		return err
	}
	if o.port, err = newGuest(o.sys, portCode); err != nil {
		return err
	}
	if o.dev, err = newGuest(o.sys, mmioCode); err != nil {
		return err
	}
	if o.mixed, err = newGuest(o.sys, decodeCode); err != nil {
		return err
	}
	o.idle, err = newGuest(o.sys, haltCode)
	return err
}

// turn makes the calls of a row once, as the peer does: a few before those that
// count bring back what the other side has pushed out of the caches.
func (o *ours) turn(r row) (time.Duration, error) {
	if err := r.ours(o, r.calls/4+1); err != nil {
		return 0, err
	}
	start := time.Now()
	err := r.ours(o, r.calls)
	return time.Since(start), err
}

func (o *ours) close() {
	for _, g := range []*guest{o.port, o.dev, o.mixed, o.idle} {
		if g != nil {
			_ = g.close()
		}
	}
	if o.sys != nil {
		_ = o.sys.Close()
	}
}

// portIO takes n exits in one Loop, as a program on this library does.
func (o *ours) portIO(n int) error {
	return o.port.vcpu.Loop(context.Background(), func(e kvm.Exit) error {
		switch e.Reason() {
		case uapi.ExitIO:
		case uapi.ExitIntr:
			return nil
		default:
			return fmt.Errorf("exit reason %v", e.Reason())
		}
		x := e.IO()
		o.sink += uint64(x.Port) + x.Data().Uint64()
		if n--; n == 0 {
			return kvm.ErrStop
		}
		return nil
	})
}

func (o *ours) mmio(n int) error {
	return o.dev.vcpu.Loop(context.Background(), func(e kvm.Exit) error {
		switch e.Reason() {
		case uapi.ExitMMIO:
		case uapi.ExitIntr:
			return nil
		default:
			return fmt.Errorf("exit reason %v", e.Reason())
		}
		x := e.MMIO()
		o.sink += x.GPA + x.Data().Uint64()
		if n--; n == 0 {
			return kvm.ErrStop
		}
		return nil
	})
}

// decode takes exits of both kinds in both directions, with all that the library
// hands out of them.
func (o *ours) decode(n int) error {
	return o.mixed.vcpu.Loop(context.Background(), func(e kvm.Exit) error {
		switch e.Reason() {
		case uapi.ExitIO:
			o.sink += o.readIO(e.IO())
		case uapi.ExitMMIO:
			o.sink += o.readMMIO(e.MMIO())
		case uapi.ExitIntr:
			return nil
		default:
			return fmt.Errorf("exit reason %v", e.Reason())
		}
		if n--; n == 0 {
			return kvm.ErrStop
		}
		return nil
	})
}

func (o *ours) readIO(x kvm.IOExit) uint64 {
	if !x.Out {
		x.Data().SetUint64(o.sink)
		return uint64(x.Port) + uint64(x.Size)*uint64(x.Count)
	}
	return 1 + uint64(x.Port) + uint64(x.Size)*uint64(x.Count) + x.Data().Uint64()
}

func (o *ours) readMMIO(x kvm.MMIOExit) uint64 {
	data := x.Data()
	if !x.Write {
		data.SetUint64(o.sink)
		return x.GPA + uint64(data.Len())
	}
	return 1 + x.GPA + uint64(data.Len()) + data.Uint64()
}

// immediate is KVM_RUN with immediate_exit set each time, which is what a kick
// does to a vCPU that is not in the guest.
func (o *ours) immediate(n int) error {
	v := o.idle.vcpu
	if err := v.Kick(); err != nil {
		return err
	}
	return v.Loop(context.Background(), func(e kvm.Exit) error {
		switch {
		case e.Reason() != uapi.ExitIntr:
			return fmt.Errorf("exit reason %v, want the answer to a kick", e.Reason())
		case !e.Kicked():
			return nil
		}
		if n--; n == 0 {
			return kvm.ErrStop
		}
		return v.Kick()
	})
}

func (o *ours) getRegs(n int) error {
	for ; n > 0; n-- {
		regs, err := o.idle.vcpu.Regs()
		if err != nil {
			return err
		}
		o.sink += regs.RIP
	}
	return nil
}

func (o *ours) checkExtension(n int) error {
	for ; n > 0; n-- {
		if has, err := o.sys.CheckExtension(uapi.CapUserMemory); err != nil || has == 0 {
			return errors.Join(err, errors.New("no KVM_CAP_USER_MEMORY"))
		}
	}
	return nil
}

func (o *ours) vmCycle(n int) error {
	for ; n > 0; n-- {
		g, err := newGuest(o.sys, haltCode)
		if err != nil {
			return err
		}
		if err := g.runTo(uapi.ExitHLT); err != nil {
			return err
		}
		if err := g.close(); err != nil {
			return err
		}
	}
	return nil
}
