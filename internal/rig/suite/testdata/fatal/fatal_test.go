// Package fatal takes its guest down.
package fatal

import (
	"os"
	"testing"
	"time"
)

func TestFatal(t *testing.T) {
	// Nowhere but in a guest that is made for it.
	if os.Getenv("KVM_TEST_LANE") == "" {
		t.Skip("for the rig only")
	}
	if err := os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Hour)
}
