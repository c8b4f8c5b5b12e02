package main

import (
	"bytes"
	"encoding/binary"
	"testing"

	"linuxkvm/internal/tinykernel"
)

// pcName is what a crash report calls the program counter.
const pcName = "RIP="

// What only this architecture's machines can do.
var (
	ownPipeEndings = []pipeEnding{
		{"triple fault", "hello" + tinykernel.TripleFault, statusTripleFault, []string{"triple fault", pcName}},
	}
	ownTerminalEndings = []terminalEnding{{"triple fault", tinykernel.TripleFault, 0, statusTripleFault}}
)

// ownStartErrors are those that depend on the format of kernels.
func ownStartErrors(t *testing.T, good string) []startError {
	t.Helper()
	image := tinykernel.Image()
	corrupt := bytes.Clone(image)
	binary.LittleEndian.PutUint64(corrupt[64+32:], 1<<60) // more bytes in the file than in memory
	return []startError{
		{"arm64 kernel", []string{"--kernel", file(t, "Image", arm64Image())}, statusFailed, []string{"arm64", "pass an x86-64 kernel"}},
		{"ELF of another architecture", []string{"--kernel", file(t, "elf", elfOf(image, 183))}, statusFailed, []string{"arm64", "pass an x86-64 kernel"}},
		{"truncated", []string{"--kernel", file(t, "cut", image[:len(image)-10])}, statusFailed, []string{"cut", "fetch or build it again"}},
		{"truncated header", []string{"--kernel", file(t, "cut", image[:100])}, statusFailed, []string{"cut"}},
		{"corrupt", []string{"--kernel", file(t, "odd", corrupt)}, statusFailed, []string{"odd", "again"}},
		{"memory too small", []string{"--kernel", good, "--memory", "1M"}, statusFailed, []string{"--memory 1M", "too small", "at least 4 MiB"}},
	}
}

// arm64Image is the header of an arm64 kernel, and room.
func arm64Image() []byte {
	b := make([]byte, 1<<16)
	binary.LittleEndian.PutUint64(b[16:], uint64(len(b)))
	copy(b[56:], "ARM\x64")
	return b
}

// elfOf is a kernel that claims to be for another machine.
func elfOf(image []byte, machine uint16) []byte {
	b := bytes.Clone(image)
	binary.LittleEndian.PutUint16(b[18:], machine)
	return b
}
