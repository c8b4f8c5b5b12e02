package main

import (
	"fmt"
	"strings"

	"linuxkvm/machine"
)

// status is an exit status of the command.
type status int

const (
	statusOK            status = 0 // the guest powered off; or the command did what was asked
	statusFailed        status = 1
	statusUsage         status = 2
	statusReset         status = 10
	statusTripleFault   status = 11
	statusInternalError status = 12
	statusLeft          status = 13

	// statusSignal and the number of a signal is the status after that signal.
	statusSignal status = 128
)

// statuses is what the help text and the man page say.
var statuses = []struct {
	status status
	words  string
}{
	{statusOK, "the guest powered off"},
	{statusFailed, "the machine could not be started, or a host error ended it"},
	{statusUsage, "the command line was not understood"},
	{statusReset, "the guest asked for a reset: a reboot, or a panic with panic=-1"},
	{statusTripleFault, "the guest met a triple fault"},
	{statusInternalError, "KVM could not go on with the guest; a report is on standard error"},
	{statusLeft, "left with Ctrl-A x"},
}

func statusTable() string {
	var b strings.Builder
	for _, s := range statuses {
		fmt.Fprintf(&b, "    %5d  %s\n", s.status, s.words)
	}
	fmt.Fprintf(&b, "    %3d+n  ended by signal n\n", statusSignal)
	return b.String()
}

// endingStatus is the status for the way a guest ended by itself.
var endingStatus = map[machine.Ending]status{
	machine.PowerOff:      statusOK,
	machine.Reset:         statusReset,
	machine.TripleFault:   statusTripleFault,
	machine.InternalError: statusInternalError,
}
