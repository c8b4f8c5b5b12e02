//go:build linux && amd64

package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// maxOverhead is the most that a VM with all its devices may take, in MiB.
const maxOverhead = 16

// usage is memory of processes, in MiB, without the guest's.
type usage struct {
	// resident is all that is in memory.
	resident float64
	// own is the part of it that no other process shares: without the pages of
	// programs' files.
	own float64
}

// add adds what a process has. The guest's memory is the mappings that are exactly as
// large, or parts of a file that is in memory only.
func (u *usage) add(pid int) error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return err
	}
	defer f.Close()
	var isGuest bool
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		var from, to, kib uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			isGuest = to-from == guestMemory || strings.Contains(line, "/memfd:")
			continue
		}
		if isGuest {
			continue
		}
		if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kib); n == 1 {
			u.resident += float64(kib) / 1024
		}
		if n, _ := fmt.Sscanf(line, "Anonymous: %d kB", &kib); n == 1 {
			u.own += float64(kib) / 1024
		}
	}
	return nil
}
