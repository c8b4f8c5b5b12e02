//go:build !arm64

package host

import "linuxkvm/kvm"

// askAll asks for every capability.
func askAll(sys *kvm.System) ([]kvm.Extension, error) { return sys.Extensions() }
