//go:build !s390x

package kvm

// vmArch is what a VM holds besides slots: nothing here.
type vmArch struct{}

func (*vmArch) release() {}
