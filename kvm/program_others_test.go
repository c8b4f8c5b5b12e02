//go:build !amd64 && !arm64 && !riscv64 && !ppc64le

package kvm

import (
	"errors"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// An architecture without programs yet: what needs one is skipped.

const (
	programExitReason = uapi.ExitUnknown
	programReadEnd    = 0
)

var (
	programLoop, programExit, programRead, programWriter, programDevice, programScribbler, programCounter program

	errNoProgram = errors.New("this architecture has no programs")
)

func programPages(uint32) program { return nil }

func isDone(Exit) bool { return false }

func startProgram(*VCPU, *memory.Region, program) error     { return errNoProgram }
func startUserProgram(*VCPU, *memory.Region, program) error { return errNoProgram }

func newWaiting(tb testing.TB) *VCPU {
	tb.Helper()
	needPrograms(tb)
	return nil
}

func programAnswer(Exit, byte) {}

func programResult(*VCPU) (value byte, pc uint64, err error) { return 0, 0, errNoProgram }

func readState(*VCPU) error { return errNoProgram }

func stateCalls(testing.TB, *VCPU) map[string]func() error { return nil }
