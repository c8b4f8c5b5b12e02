//go:build linux && amd64

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	large = 1 << 20
	small = 4 << 10
)

// diskWork reads and writes the disk itself, without the guest's page cache.
func diskWork(each time.Duration, report map[string]float64) error {
	f, err := os.OpenFile(guestDisk, os.O_RDWR|unix.O_DIRECT, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size != scratchSize {
		return fmt.Errorf("%s has %d bytes, want %d: another disk", guestDisk, size, scratchSize)
	}
	// Aligned, as O_DIRECT wants it.
	b, err := unix.Mmap(-1, 0, large, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_POPULATE)
	if err != nil {
		return err
	}
	sequential := func(i int) int64 { return int64(i) * large % size }
	random := func(int) int64 { return rand.Int64N(size/small) * small }
	for _, w := range []struct {
		key    string
		do     func([]byte, int64) (int, error)
		length int
		at     func(int) int64
	}{
		{"disk.read", f.ReadAt, large, sequential},
		{"disk.write", f.WriteAt, large, sequential},
		{"disk.randread", f.ReadAt, small, random},
		{"disk.randwrite", f.WriteAt, small, random},
	} {
		rate, err := repeat(each, func(i int) error {
			_, err := w.do(b[:w.length], w.at(i))
			return err
		})
		if err != nil {
			return err
		}
		report[w.key] = rate // a large one is 1 MiB
	}
	return nil
}
