package main

import (
	"fmt"

	"linuxkvm/internal/probe"
	"linuxkvm/kvm"
)

// unusable says why a Linux guest should not be booted on this machine's own
// KVM, or "".
func unusable() string {
	sys, err := kvm.Open()
	if err != nil {
		return fmt.Sprintf("this machine has no KVM that can be used (%v)", err)
	}
	defer sys.Close()
	report, err := probe.Measure(sys)
	if err != nil {
		return fmt.Sprintf("this machine's KVM does not run a small guest (%v)", err)
	}
	if report.KernelModeEmulated() {
		return "this machine's KVM emulates guest kernel mode instruction by instruction: Linux would take minutes to boot on it"
	}
	return ""
}
