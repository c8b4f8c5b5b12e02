//go:build linux && amd64

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
)

// microvm is our command.
type microvm struct{ *scene }

func (m *microvm) name() string { return "microvm (ours)" }

// args are those of a guest that has further devices, or not.
func (m *microvm) args(further ...string) []string {
	return slices.Concat([]string{
		"run", "--kernel", inLane.kernel, "--modules", inLane.modules, "--image", m.image, "--memory", fmt.Sprintf("%dM", guestMemory>>20),
	}, further, []string{"--"})
}

func (m *microvm) roundTrip(ctx context.Context) (int, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, inLane.command, append(m.args(), guestTrivial)...)
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() && exit.ExitCode() == 7 {
		err = nil
	}
	if err != nil {
		return -1, fmt.Errorf("%w; it said: %s", err, &said)
	}
	return cmd.ProcessState.ExitCode(), nil
}

func (m *microvm) work(ctx context.Context, args []string, idle func(pids []int) error) ([]byte, error) {
	command := append(m.args("-i", "--disk", m.scratch, "--volume", m.share+":"+guestShare), guestWork)
	cmd := exec.CommandContext(ctx, inLane.command, append(command, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	report, err := dialog(in, out, func() error { return idle([]int{cmd.Process.Pid}) })
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("%w; it said: %s", err, &said)
	}
	return report, nil
}
