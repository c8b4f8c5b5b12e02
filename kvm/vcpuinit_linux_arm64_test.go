package kvm

import "testing"

// initVCPU makes a new vCPU one that can be asked for its registers.
func initVCPU(tb testing.TB, v *VCPU) {
	tb.Helper()
	must(tb, v.ArmInit(ArmPSCI))
}
