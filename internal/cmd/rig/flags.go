package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"linuxkvm/internal/rig"
)

// newFlags returns a flag set whose errors come back as status 2.
func newFlags(name string) *flag.FlagSet {
	return flag.NewFlagSet("rig "+name, flag.ContinueOnError)
}

// parse turns a flag error, which is printed by then, into a status.
func parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		return status(statusUsage)
	}
	return nil
}

// machineFlags are what all guests have.
type machineFlags struct {
	cpus, memory int
	hardware     bool
	guestKernels bool
	files        listFlag
	env          listFlag
}

func (m *machineFlags) register(f *flag.FlagSet) {
	f.IntVar(&m.cpus, "cpus", 2, "processors of the lane's guest")
	f.IntVar(&m.memory, "memory", 2048, "memory of the lane's guest in MiB")
	f.BoolVar(&m.hardware, "hardware", false, "use this machine's own KVM, nested, in place of emulation")
	f.BoolVar(&m.guestKernels, "guest-kernels", false,
		"put the kernels of all lanes into "+rig.GuestKernelsDir+" and name it in "+rig.GuestKernelsEnv)
	f.Var(&m.files, "file", "`host:guest` copies a file or directory into the guest; may be repeated")
	f.Var(&m.env, "env", "`NAME=value` for the programs in the guest; may be repeated")
}

// guestFiles turns -file host:guest into files.
func (m *machineFlags) guestFiles() ([]rig.File, error) {
	var files []rig.File
	for _, pair := range m.files {
		host, guest, _ := strings.Cut(pair, ":")
		if guest == "" {
			guest = path.Join("/", filepath.Base(host))
		}
		if _, err := os.Stat(host); err != nil {
			return nil, fmt.Errorf("-file: %w", err)
		}
		files = append(files, rig.File{Host: host, Guest: guest})
	}
	return files, nil
}

// listFlag collects the values of a flag that may be repeated.
type listFlag []string

func (l *listFlag) String() string { return strings.Join(*l, " ") }

// Set adds a value.
func (l *listFlag) Set(v string) error { *l = append(*l, v); return nil }

// laneNames is the text for the usage of -lane.
func laneNames() string {
	var names []string
	for _, l := range rig.Lanes() {
		names = append(names, l.Name)
	}
	return strings.Join(names, ", ")
}

// selectLanes turns "a,b" into lanes; nothing into the default ones.
func selectLanes(list string) ([]rig.Lane, error) {
	if list == "" {
		return rig.DefaultLanes(), nil
	}
	if list == "all" {
		return rig.Lanes(), nil
	}
	var lanes []rig.Lane
	for name := range strings.SplitSeq(list, ",") {
		l, err := rig.LaneByName(name)
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, l)
	}
	return lanes, nil
}

// build builds the -build programs for a lane into dir: "package=guest path".
func build(ctx context.Context, dir, goarch string, specs []string) ([]rig.File, error) {
	var files []rig.File
	for i, spec := range specs {
		pkg, guest, _ := strings.Cut(spec, "=")
		if guest == "" {
			guest = path.Join("/bin", path.Base(pkg))
		}
		out := filepath.Join(dir, fmt.Sprintf("program%d", i))
		if err := rig.GoBuild(ctx, goarch, pkg, out); err != nil {
			return nil, err
		}
		files = append(files, rig.File{Host: out, Guest: guest})
	}
	return files, nil
}
