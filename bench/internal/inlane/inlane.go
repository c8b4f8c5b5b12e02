// Package inlane is what benchmarks share that run our command and QEMU's microvm machine
// inside a lane of the rig.
package inlane

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"os"
	"slices"

	"linuxkvm/internal/rig"
)

// qemuRoot is the root of QEMU's files in the lane.
const qemuRoot = "/qemu"

// QEMU returns QEMU, with what its microvm machine loads, as files for the lane, and the
// command that starts it there.
func QEMU(ctx context.Context, lane rig.Lane) (command []string, files []rig.File, err error) {
	emulator, err := lane.Emulator(ctx, rig.FetchOptions{Progress: os.Stderr})
	if err != nil {
		return nil, nil, err
	}
	files, err = emulator.Files(ctx, qemuRoot, "bios-microvm.bin", "linuxboot_dma.bin", "pvh.bin")
	return emulator.Command(qemuRoot), files, err
}

// Measure boots the lane and runs a measurement in it, whose output is this process's.
func Measure(ctx context.Context, o rig.Options, args []string) error {
	session, err := rig.Boot(ctx, o)
	if err != nil {
		return err
	}
	defer session.Close()
	result, err := session.Run(ctx, rig.Job{Args: args, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		return err
	}
	if !result.Passed() {
		return fmt.Errorf("the measurement in lane %s ended with status %d", o.Lane.Name, result.ExitCode)
	}
	return nil
}

// Turns yields rounds, from 0 on, and in each the numbers of those that are measured:
// another one first each time.
func Turns(rounds, n int) iter.Seq2[int, int] {
	return func(yield func(round, i int) bool) {
		for round := range rounds {
			for k := range n {
				if !yield(round, (k+round)%n) {
					return
				}
			}
		}
	}
}

// Median returns the middle one, the upper of two.
func Median[T cmp.Ordered](list []T) T {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
