//go:build linux

package uapi

import (
	"runtime"
	"testing"

	"linuxkvm/internal/foreign"
)

// Every architecture's ids and names, here.
func TestRegistersOfEveryArchitecture(t *testing.T) {
	for _, arch := range archs {
		if arch != runtime.GOARCH {
			t.Run(arch, func(t *testing.T) { foreign.Test(t, arch, "^TestReg(IDs|Names|Table)$", ".") })
		}
	}
}

func TestRegTable(t *testing.T) {
	var last Reg
	for _, n := range regNames {
		if n.id <= last || n.id.Size() == 0 || n.id.String() != n.name || n.name == "" {
			t.Errorf("%#x, %d bytes, is named %q, %q", uint64(n.id), n.id.Size(), n.name, n.id)
		}
		last = n.id
	}
	if Reg(0xff<<56).String() != "Reg(0xff00000000000000)" || Reg(9<<52).Size() != 0 {
		t.Errorf("what is no id is %v", Reg(0xff<<56))
	}
}

func TestRegSizes(t *testing.T) {
	for got, want := range map[uint64]int{
		regSize[uint8](): 1, regSize[uint16](): 2, regSize[uint32](): 4, regSize[uint64](): 8,
		regSize[[2]uint64](): 16, regSize[[32]byte](): 32, regSize[[64]byte](): 64,
		regSize[[128]byte](): 128, regSize[[256]byte](): 256,
	} {
		if Reg(got).Size() != want {
			t.Errorf("%#x: %d bytes, want %d", got, Reg(got).Size(), want)
		}
	}
}

// wantIDs compares ids with the numbers that the kernel's documents have for them,
// and with their names.
func wantIDs(t *testing.T, ids map[Reg]uint64, names map[Reg]string) {
	t.Helper()
	for got, want := range ids {
		if uint64(got) != want {
			t.Errorf("%v is %#x, want %#x", got, uint64(got), want)
		}
	}
	for id, want := range names {
		if got := id.String(); got != want {
			t.Errorf("%#x is named %s, want %s", uint64(id), got, want)
		}
	}
}
