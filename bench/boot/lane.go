package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"linuxkvm/bench/internal/inlane"
)

const (
	marker  = "bench/boot: user space"
	memory  = "512M"
	cmdline = "console=ttyS0 quiet panic=-1"
	// target is the largest share of QEMU's time that ours may take.
	target = 0.7
	// patience bounds one boot.
	patience = 3 * time.Minute
)

// vmm is one way to boot the guest.
type vmm struct {
	name string
	args []string
}

// vmms are ours and the peer, given the command that starts QEMU.
func vmms(qemu []string) []vmm {
	p := lanePaths
	return []vmm{
		{"microvm (ours)", []string{p.command, "run", "--kernel", p.kernel, "--initrd", p.initrd, "--memory", memory, "--cpus", "1", "--cmdline", cmdline}},
		{"QEMU microvm", append(slices.Clip(qemu), "-machine", "microvm", "-accel", "kvm", "-cpu", "host",
			"-smp", "1", "-m", memory, "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot",
			"-kernel", p.kernel, "-initrd", p.initrd, "-append", cmdline)},
	}
}

// measure boots each VMM in turn, rounds times, in alternating order.
func measure(ctx context.Context, rounds int, qemu []string) error {
	all := vmms(qemu)
	times := make([][]time.Duration, len(all))
	for round, i := range inlane.Turns(rounds, len(all)) {
		d, err := boot(ctx, all[i])
		if err != nil {
			return fmt.Errorf("%s: %w", all[i].name, err)
		}
		fmt.Printf("round %d  %-16s %6.2f s\n", round+1, all[i].name, d.Seconds())
		times[i] = append(times[i], d)
	}
	ours, theirs := inlane.Median(times[0]), inlane.Median(times[1])
	ratio := ours.Seconds() / theirs.Seconds()
	verdict := "met"
	if ratio > target {
		verdict = "MISSED"
	}
	fmt.Printf("start to /init, median of %d: %s %.2f s, %s %.2f s, ratio %.2f (target at most %.2f: %s)\n",
		rounds, all[0].name, ours.Seconds(), all[1].name, theirs.Seconds(), ratio, target, verdict)
	return nil
}

// boot runs one VMM and returns the time from its start to the guest's marker.
func boot(ctx context.Context, v vmm) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, v.args[0], v.args[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	took, said := awaitMarker(out, start)
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("%w\nit said:\n%s", err, said)
	}
	if took == 0 {
		return 0, errors.New("the guest ended before its /init; it said:\n" + said)
	}
	return took, nil
}

// awaitMarker reads to the end and returns when the marker came, or 0.
func awaitMarker(r io.Reader, start time.Time) (took time.Duration, said string) {
	var all strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if took == 0 && strings.Contains(lines.Text(), marker) {
			took = time.Since(start)
		}
		all.WriteString(lines.Text() + "\n")
	}
	return took, all.String()
}
