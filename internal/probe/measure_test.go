//go:build amd64 || arm64 || riscv64

package probe

import (
	"errors"
	"os"
	"testing"
	"time"

	"linuxkvm/kvm"
)

func openKVM(t *testing.T) *kvm.System {
	t.Helper()
	sys, err := kvm.Open()
	if err != nil {
		if os.Getenv("KVM_TEST_REQUIRE") == "1" {
			t.Fatalf("KVM_TEST_REQUIRE=1, but this test needs a usable KVM: %v", err)
		}
		t.Skipf("needs a usable KVM (%v); make test-lanes tests microvm info, which measures, in the rig", err)
	}
	t.Cleanup(func() { _ = sys.Close() })
	return sys
}

func TestMeasure(t *testing.T) {
	sys := openKVM(t)
	start := time.Now()
	r, err := Measure(sys)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v in %v", r, time.Since(start))
	// Bounds that no machine is outside of, emulated ones included.
	if r.Exit < 100*time.Nanosecond || r.Exit > 100*time.Millisecond {
		t.Errorf("an exit takes %v", r.Exit)
	}
	if r.UserLoop < 0.05 || r.UserLoop > 1e5 || r.KernelLoop < 0.05 || r.KernelLoop > 1e6 {
		t.Errorf("loops of %v and %v ns", r.KernelLoop, r.UserLoop)
	}
	if _, err := os.Stat("/sys/module/kvm_pvm"); err == nil && !r.KernelModeEmulated() {
		t.Error("kvm_pvm emulates kernel mode, which was not noticed")
	}
}

func TestMeasureGivesEverythingBack(t *testing.T) {
	sys := openKVM(t)
	measure := func() {
		if _, err := Measure(sys); err != nil {
			t.Fatal(err)
		}
	}
	measure()
	before := descriptors(t)
	measure()
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestMeasureOfAClosedSystem(t *testing.T) {
	sys := openKVM(t)
	if err := sys.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Measure(sys); !errors.Is(err, kvm.ErrClosed) {
		t.Errorf("%v, want %v", err, kvm.ErrClosed)
	}
}

// TestGuestThatEndsOtherwise: what is no port exit is an error, not a time.
func TestGuestThatEndsOtherwise(t *testing.T) {
	g, err := newGuest(openKVM(t))
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	if err := g.enter(kernelMode, nowhere, 0); err != nil {
		t.Fatal(err)
	}
	if took, err := g.run(); err == nil {
		t.Errorf("ran for %v", took)
	}
}
