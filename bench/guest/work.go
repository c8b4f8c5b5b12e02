//go:build linux && amd64

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// The guest's devices.
const (
	guestDisk  = "/dev/vdb"
	guestShare = "/share"
)

// work is the program in the guest: it does each kind of work for a while, reports
// the rates, and waits until it is told to end.
func work(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("arguments %q: want a duration and an address", args)
	}
	each, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	report := map[string]float64{}
	for _, part := range []func() error{
		func() error { return diskWork(each, report) },
		func() error { return netWork(each, args[1], report) },
		func() error { return shareWork(each, report) },
	} {
		if err := part(); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return err
	}
	fmt.Print(idleLine)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// repeat does something until the time is over and returns how often per second.
func repeat(each time.Duration, do func(i int) error) (float64, error) {
	start := time.Now()
	for i := 0; ; i++ {
		if took := time.Since(start); i > 0 && took >= each {
			return float64(i) / took.Seconds(), nil
		}
		if err := do(i); err != nil {
			return 0, err
		}
	}
}
