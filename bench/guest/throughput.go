//go:build linux && amd64

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"linuxkvm/bench/internal/inlane"
)

// idleLine is what the work says after its report, when it waits for its end.
const idleLine = "idle\n"

// metrics are what the work reports, in the order of the table.
var metrics = []struct {
	key, text, unit string
	better          direction
	target          float64 // of our share in the peer's
}{
	{"disk.read", "disk, sequential read", "MiB/s", higher, 1},
	{"disk.write", "disk, sequential write", "MiB/s", higher, 1},
	{"disk.randread", "disk, random read of 4 KiB", "1/s", higher, 1},
	{"disk.randwrite", "disk, random write of 4 KiB", "1/s", higher, 1},
	{"net.down", "TCP to the guest", "MiB/s", higher, 1},
	{"net.up", "TCP from the guest", "MiB/s", higher, 1},
	{"net.trip", "TCP round trip of a byte", "us", lower, 1},
	{"share.write", "shared directory, write", "MiB/s", higher, 1},
	{"share.read", "shared directory, first read", "MiB/s", higher, 1},
	{"share.again", "shared directory, read again", "MiB/s", higher, 1},
	{"share.create", "shared directory, small files made", "1/s", higher, 1},
	{"share.stat", "shared directory, files looked at", "1/s", higher, 1},
}

// throughput has guests work in turn.
func throughput(ctx context.Context, o options, s *scene, vmms []vmm, t *table) error {
	reports := make([][]map[string]float64, len(vmms))
	for round, i := range inlane.Turns(o.rounds, len(vmms)) {
		var r map[string]float64
		err := twice(ctx, vmms[i].name(), func(ctx context.Context) (err error) {
			r, err = workOnce(ctx, vmms[i], []string{o.each.String(), s.address})
			return err
		})
		if err != nil {
			return err
		}
		fmt.Printf("throughput %d  %-16s done\n", round+1, vmms[i].name())
		reports[i] = append(reports[i], r)
	}
	column := func(key string) [][]float64 {
		values := make([][]float64, len(vmms))
		for i := range reports {
			for _, r := range reports[i] {
				values[i] = append(values[i], r[key])
			}
		}
		return values
	}
	for _, m := range metrics {
		t.add(m.text, m.unit, m.better, m.target, column(m.key))
	}
	t.addBelow("memory of the VMM, its own", "MiB", maxOverhead, column("memory"))
	t.addBare("memory of the VMM, with programs' files", "MiB", column("resident"))
	return nil
}

// workOnce runs one guest and returns what it measured, and the VMM's memory.
func workOnce(ctx context.Context, v vmm, args []string) (map[string]float64, error) {
	var u usage
	b, err := v.work(ctx, args, func(pids []int) error {
		for _, pid := range pids {
			if err := u.add(pid); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	report := map[string]float64{}
	if err := json.Unmarshal(b, &report); err != nil {
		return nil, fmt.Errorf("its report %q: %w", b, err)
	}
	for _, m := range metrics {
		if report[m.key] <= 0 {
			return nil, fmt.Errorf("its report has no %s", m.key)
		}
	}
	report["memory"], report["resident"] = u.own, u.resident
	return report, nil
}

// dialog reads the report, calls idle while the guest waits, and lets it end.
func dialog(in io.Closer, out io.Reader, idle func() error) ([]byte, error) {
	var report strings.Builder
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, errors.Join(fmt.Errorf("it ended early, after %q: %w", report.String()+line, err), in.Close())
		}
		if line == idleLine {
			break
		}
		report.WriteString(line)
	}
	err := idle()
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, lines)
	return []byte(report.String()), err
}
