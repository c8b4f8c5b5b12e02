//go:build !ppc64le && !s390x

package kvm

import (
	"math"
	"testing"
)

// The same for what not every architecture has.
func TestWrongArgumentsOfClearDirtyLog(t *testing.T) {
	vm := newTestVM(t)
	const huge = math.MaxUint64
	for name, err := range map[string]error{
		"ClearDirtyLog nil":    vm.ClearDirtyLog(0, 0, nil),
		"ClearDirtyLog huge":   vm.ClearDirtyLog(math.MaxUint32, huge, NewDirtyBitmap(64)),
		"EnableManualDirtyLog": vm.EnableManualDirtyLog(huge),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
