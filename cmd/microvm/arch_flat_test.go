//go:build arm64 || riscv64

package main

import (
	"encoding/binary"
	"runtime"
	"testing"

	"linuxkvm/internal/tinykernel"
)

// pcName is what a crash report calls the program counter.
const pcName = "PC="

// What only these architectures' machines can do: nothing.
var (
	ownPipeEndings     []pipeEnding
	ownTerminalEndings []terminalEnding
)

// ownStartErrors are those that depend on the format of kernels.
func ownStartErrors(t *testing.T, good string) []startError {
	t.Helper()
	big := tinykernel.Image()
	big[24] |= 1 // the flag for big-endian
	vast := tinykernel.Image()
	binary.LittleEndian.PutUint64(vast[16:], 1<<60)
	bzImage := make([]byte, 4096)
	copy(bzImage[0x202:], "HdrS")
	return []startError{
		{"x86 kernel", []string{"--kernel", file(t, "bzImage", bzImage)}, statusFailed, []string{"x86-64", "pass an " + runtime.GOARCH}},
		{"big-endian kernel", []string{"--kernel", file(t, "big", big)}, statusFailed, []string{"big-endian", "pass a little-endian kernel"}},
		{"corrupt", []string{"--kernel", file(t, "odd", vast)}, statusFailed, []string{"odd", "again"}},
		{"memory too small", []string{"--kernel", good, "--memory", "1M"}, statusFailed, []string{"--memory 1M", "too small", "at least 8 MiB"}},
		{"memory of odd pages", []string{"--kernel", good, "--memory", "8196K"}, statusFailed, []string{"multiple of 65536"}},
	}
}
