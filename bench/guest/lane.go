//go:build linux && amd64

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"linuxkvm/bench/internal/inlane"
	"linuxkvm/image"
	"linuxkvm/internal/testimage"
)

const (
	guestMemory = 512 << 20
	scratchSize = 64 << 20
)

// scene is what both VMMs work with.
type scene struct {
	image   string // an OCI layout
	root    string // the disk of it
	scratch string // a disk to write to
	share   string // a directory to share
	address string // of the server that guests talk to
}

// vmm is one way to run a command in a guest.
type vmm interface {
	name() string
	// roundTrip runs guestTrivial in a guest and returns its exit status when the
	// guest is gone.
	roundTrip(context.Context) (status int, err error)
	// work runs guestWork with every device attached. When it has been idle,
	// the function is called with the VMM's processes.
	work(ctx context.Context, args []string, idle func(pids []int) error) (report []byte, err error)
}

// measure does it all, in the lane.
func measure(ctx context.Context, o options, qemu []string) error {
	s, err := prepare(ctx)
	if err != nil {
		return err
	}
	server, err := listen(s)
	if err != nil {
		return err
	}
	defer server.Close()
	vmms := []vmm{&microvm{s}, &peer{scene: s, command: qemu}}
	t := newTable(vmms)
	if o.roundTrips > 0 {
		times, err := roundTrips(ctx, o.roundTrips, vmms)
		if err != nil {
			return err
		}
		t.add("start to exit status", "s", lower, 0.6, times)
	}
	if o.rounds > 0 {
		if err := throughput(ctx, o, s, vmms, t); err != nil {
			return err
		}
	}
	return t.print(os.Stdout)
}

// prepare makes the image, its disk, the scratch disk and the directory.
func prepare(ctx context.Context) (*scene, error) {
	dir, err := os.MkdirTemp("", "bench-guest-")
	if err != nil {
		return nil, err
	}
	s := &scene{image: filepath.Join(dir, "image"), scratch: filepath.Join(dir, "scratch"), share: filepath.Join(dir, "share")}
	if err := errors.Join(os.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache")), os.Mkdir(s.share, 0o755)); err != nil {
		return nil, err
	}
	programs := map[string][]byte{}
	for name, path := range map[string]string{guestWork: inLane.bench, guestTrivial: inLane.trivial} {
		var err error
		if programs[name[1:]], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	if err := testimage.Write(s.image, programs, v1.Config{}); err != nil {
		return nil, err
	}
	i, err := image.Open(s.image)
	if err != nil {
		return nil, err
	}
	var cache image.Cache
	if s.root, err = cache.Disk(ctx, i); err != nil {
		return nil, err
	}
	noise := make([]byte, scratchSize)
	_, _ = rand.Read(noise) // never fails
	return s, os.WriteFile(s.scratch, noise, 0o600)
}

// roundTrips runs guests in turn, in alternating order.
func roundTrips(ctx context.Context, n int, vmms []vmm) ([][]float64, error) {
	times := make([][]float64, len(vmms))
	for round, i := range inlane.Turns(n, len(vmms)) {
		var took float64
		err := twice(ctx, vmms[i].name(), func(ctx context.Context) error {
			start := time.Now()
			status, err := vmms[i].roundTrip(ctx)
			took = time.Since(start).Seconds()
			if err == nil && status != 7 {
				err = fmt.Errorf("status %d, want 7", status)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		fmt.Printf("round trip %d  %-16s %6.2f s\n", round+1, vmms[i].name(), took)
		times[i] = append(times[i], took)
	}
	return times, nil
}
