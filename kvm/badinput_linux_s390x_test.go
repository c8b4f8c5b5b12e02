package kvm

import "testing"

var subjectsHere = []subject{
	{"FLIC", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateFLIC) }, new(FLIC)},
}
