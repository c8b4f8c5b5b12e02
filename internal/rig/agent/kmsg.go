package agent

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/rig/wire"
)

// forwardKernelLog sends every record of the kernel log to the host, from the
// first on. The console shows errors only: each line on an emulated serial port
// costs more than the boot can spare.
func forwardKernelLog(conn *wire.Conn) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(fd), "/dev/kmsg")
	defer f.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := f.Read(buf)
		if errors.Is(err, unix.EPIPE) {
			continue // records were overwritten before they could be read
		}
		if err != nil {
			return
		}
		if line, ok := formatRecord(string(buf[:n])); ok && conn.Send(wire.KernelLog, []byte(line)) != nil {
			return
		}
	}
}

// formatRecord turns "6,339,5140900,-;text\n KEY=value\n" into "[ 5.140900] text".
func formatRecord(record string) (string, bool) {
	head, text, ok := strings.Cut(record, ";")
	if !ok {
		return "", false
	}
	fields := strings.Split(head, ",")
	if len(fields) < 3 {
		return "", false
	}
	micros, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return "", false
	}
	text, _, _ = strings.Cut(text, "\n")
	return fmt.Sprintf("[%5d.%06d] %s", micros/1e6, micros%1e6, text), true
}
