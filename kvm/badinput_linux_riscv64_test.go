package kvm

import "testing"

var subjectsHere = []subject{
	{"RISCVAIA", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateRISCVAIA) }, new(RISCVAIA)},
}
