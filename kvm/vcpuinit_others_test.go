//go:build !arm64

package kvm

import "testing"

// initVCPU has nothing to do: a new vCPU is one at once.
func initVCPU(testing.TB, *VCPU) {}
