package rig

import (
	"slices"
	"testing"
)

// A guest boots each kernel once, however many lanes run it.
func TestKernelLanes(t *testing.T) {
	for goarch, want := range map[string][]string{
		"amd64":   {"amd64-6.1", "amd64-6.12", "amd64-newest"},
		"riscv64": {"riscv64-6.12"}, // and riscv64-aia
		"plan9":   nil,
	} {
		var got []string
		for _, l := range kernelLanes(goarch) {
			got = append(got, l.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the kernels of %v, want %v", goarch, got, want)
		}
	}
}
