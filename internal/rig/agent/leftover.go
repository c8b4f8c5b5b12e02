package agent

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// waitOutput waits for the end of the output of a job that has ended, but not
// for ever: a process that the job left behind may hold the terminal.
func waitOutput(output <-chan error) {
	select {
	case <-output: //nolint:errcheck // how it ended changes nothing
	case <-time.After(pipeGrace):
	}
}

// killLeftovers kills every process that is neither process 1, nor this one, nor
// a kernel thread, and returns their command lines. Jobs run one at a time, so
// whatever runs after one is its own.
func killLeftovers() []string {
	var left []string
	self := selfPids()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || self[pid] {
			continue
		}
		// Kernel threads and zombies have no program.
		if _, err := os.Readlink(filepath.Join(dir, "exe")); err != nil {
			continue
		}
		args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || unix.Kill(pid, unix.SIGKILL) != nil {
			continue
		}
		left = append(left, strings.TrimSpace(strings.ReplaceAll(string(args), "\x00", " ")))
	}
	return left
}
