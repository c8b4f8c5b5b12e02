package kvm

import "testing"

var subjectsHere = []subject{
	{"LoongarchIPI", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateLoongarchIPI) }, new(LoongarchIPI)},
	{"LoongarchEIOINTC", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateLoongarchEIOINTC) }, new(LoongarchEIOINTC)},
	{"LoongarchPCHPIC", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateLoongarchPCHPIC) }, new(LoongarchPCHPIC)},
	{"LoongarchDMSINTC", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateLoongarchDMSINTC) }, new(LoongarchDMSINTC)},
}
