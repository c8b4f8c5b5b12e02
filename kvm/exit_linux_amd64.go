package kvm

// What KVM tells and is told with every exit on x86, whatever its reason. It is
// in struct kvm_run; the goroutine that runs the vCPU uses it between Runs.

// InterruptFlag reports whether the guest has interrupts enabled, as of the last
// exit.
func (v *VCPU) InterruptFlag() (bool, error) {
	c := v.c()
	if _, ok := c.fd.Acquire(); !ok {
		return false, ErrClosed
	}
	defer c.fd.Release()
	return c.page.IfFlag != 0, nil
}

// ReadyForInterruptInjection reports whether Interrupt would be taken now.
func (v *VCPU) ReadyForInterruptInjection() (bool, error) {
	c := v.c()
	if _, ok := c.fd.Acquire(); !ok {
		return false, ErrClosed
	}
	defer c.fd.Release()
	return c.page.ReadyForInterruptInjection != 0, nil
}

// RequestInterruptWindow makes Run return with KVM_EXIT_IRQ_WINDOW_OPEN as soon
// as the guest can take an interrupt, or ends that.
func (v *VCPU) RequestInterruptWindow(on bool) error {
	c := v.c()
	if _, ok := c.fd.Acquire(); !ok {
		return ErrClosed
	}
	defer c.fd.Release()
	c.page.RequestInterruptWindow = 0
	if on {
		c.page.RequestInterruptWindow = 1
	}
	return nil
}

// CR8 returns the guest's task priority as of the last exit.
func (v *VCPU) CR8() (uint64, error) {
	c := v.c()
	if _, ok := c.fd.Acquire(); !ok {
		return 0, ErrClosed
	}
	defer c.fd.Release()
	return c.page.CR8, nil
}

// SetCR8 sets the guest's task priority for the next Run. It has no effect with
// the interrupt controller in the kernel.
func (v *VCPU) SetCR8(cr8 uint64) error {
	c := v.c()
	if _, ok := c.fd.Acquire(); !ok {
		return ErrClosed
	}
	defer c.fd.Release()
	c.page.CR8 = cr8
	return nil
}

// APICBase returns the guest's APIC base register as of the last exit. It is set
// with SetSregs.
func (v *VCPU) APICBase() (uint64, error) {
	c := v.c()
	if _, ok := c.fd.Acquire(); !ok {
		return 0, ErrClosed
	}
	defer c.fd.Release()
	return c.page.APICBase, nil
}
