package rig

import (
	"fmt"
	"runtime"
	"strings"

	"linuxkvm/internal/kmod"
)

// Lane is one architecture with one kernel: a row of the table in lanes.go.
type Lane struct {
	// Name is how the lane is asked for.
	Name string
	// GOARCH is what the programs that run in the lane are built for.
	GOARCH string
	// Suite and DebArch say where the kernel packages come from.
	Suite, DebArch string
	// Packages are the kernel's packages; a meta package is enough.
	Packages []string
	// QEMU is the emulator's program and QEMUPackage the Debian package it is in,
	// which is fetched and not installed.
	QEMU, QEMUPackage string
	// Machine are the emulator's arguments for the machine and its processor,
	// with the hypervisor extensions.
	Machine []string
	// Console is the kernel's name of the serial port.
	Console string
	// Modules are loaded in this order, each after what it depends on. What the
	// kernel has built in is left out.
	Modules []Module
	// HardwareModules are loaded in place of Modules when the guest has the
	// processor of this machine, whose maker nobody knows beforehand.
	HardwareModules []Module
}

// Module is a kernel module of a lane.
type Module = kmod.Module

// LaneByName returns a lane of the table.
func LaneByName(name string) (Lane, error) {
	var names []string
	for _, l := range lanes {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return Lane{}, fmt.Errorf("rig: there is no lane %q; there are: %s", name, strings.Join(names, ", "))
}

// Lanes returns every lane.
func Lanes() []Lane { return append([]Lane(nil), lanes...) }

// DefaultLanes returns the lanes of this machine's architecture. Where there are
// none it returns all: emulation does not care.
func DefaultLanes() []Lane {
	var own []Lane
	for _, l := range lanes {
		if l.GOARCH == runtime.GOARCH {
			own = append(own, l)
		}
	}
	if len(own) == 0 {
		return Lanes()
	}
	return own
}
