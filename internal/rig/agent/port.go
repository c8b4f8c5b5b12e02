package agent

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/rig/wire"
)

// openPort opens the virtio-serial port to the host. The device is probed in
// the background, so it may take a moment to appear.
func openPort() (*os.File, error) {
	deadline := time.Now().Add(20 * time.Second)
	for {
		if dev := findPort(); dev != "" {
			// Blocking on purpose: reads and writes come from goroutines of
			// their own, and a port without a reader is no error here.
			fd, err := unix.Open(dev, unix.O_RDWR|unix.O_CLOEXEC, 0)
			if err == nil {
				return os.NewFile(uintptr(fd), dev), nil
			}
			if err != unix.ENOENT {
				return nil, fmt.Errorf("open %s: %w", dev, err)
			}
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("no virtio-serial port named %s: are virtio_pci and virtio_console among the lane's modules?", wire.PortName)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func findPort() string {
	names, err := filepath.Glob("/sys/class/virtio-ports/*/name")
	if err != nil {
		return ""
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err == nil && string(bytes.TrimSpace(b)) == wire.PortName {
			return filepath.Join("/dev", filepath.Base(filepath.Dir(name)))
		}
	}
	return ""
}
