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

// resident is what a process has in memory, in MiB, without the guest's memory: that
// is the mappings that are exactly as large, or parts of one file that is.
func resident(pid int) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var total uint64
	var isGuest bool
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		var from, to, kib uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			isGuest = to-from == guestMemory || strings.Contains(line, "/memfd:")
			continue
		}
		if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kib); n == 1 && !isGuest {
			total += kib
		}
	}
	return float64(total) / 1024, nil
}
