package kvm

import "testing"

var subjectsHere = []subject{
	{"VGICV2", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateVGICV2) }, new(VGICV2)},
	{"VGICV3", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateVGICV3) }, new(VGICV3)},
	{"VGICV5", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateVGICV5) }, new(VGICV5)},
	{"VGICITS", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateVGICITS) }, new(VGICITS)},
}
