package memory

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// policies returns what the kernel says of a region's address, and of the ranges
// that it was split into.
func policies(t *testing.T, r *Region) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/numa_maps")
	if err != nil {
		t.Skipf("needs /proc/self/numa_maps, of a kernel with CONFIG_NUMA: %v", err)
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		var at uintptr
		var policy string
		if _, err := fmt.Sscanf(line, "%x %s", &at, &policy); err == nil && at >= r.Addr() && at < r.Addr()+uintptr(r.Size()) {
			list = append(list, policy)
		}
	}
	return list
}

func TestNUMAPolicy(t *testing.T) {
	r := newRegionT(t, 4)
	defer r.Close()
	page := uint64(pageSize)
	if err := r.SetNUMAPolicy(page, page, NUMABind, 0); errors.Is(err, syscall.ENOSYS) {
		t.Skip("needs a kernel with CONFIG_NUMA")
	} else if err != nil {
		t.Fatal(err)
	}
	if err := r.SetNUMAPolicy(2*page, 2*page, NUMAInterleave, 0); err != nil {
		t.Fatal(err)
	}
	if got := policies(t, r); !slices.Equal(got, []string{"default", "bind:0", "interleave:0"}) {
		t.Errorf("the kernel says %q", got)
	}
	if err := r.SetNUMAPolicy(0, 4*page, NUMADefault); err != nil {
		t.Fatal(err)
	}
	if got := policies(t, r); slices.ContainsFunc(got, func(s string) bool { return s != "default" }) {
		t.Errorf("then the kernel says %q", got)
	}
}

func TestNUMAPolicyRefusals(t *testing.T) {
	r := newRegionT(t, 4)
	page := uint64(pageSize)
	for _, bad := range []struct {
		off, size uint64
		want      error
	}{
		{0, 0, ErrAlign}, {1, page, ErrAlign}, {0, 1, ErrAlign},
		{0, 5 * page, ErrRange}, {4 * page, page, ErrRange}, {math.MaxUint64 - page + 1, page, ErrRange}, {page, math.MaxUint64 - page + 1, ErrRange},
	} {
		if err := r.SetNUMAPolicy(bad.off, bad.size, NUMABind, 0); !errors.Is(err, bad.want) {
			t.Errorf("%#x bytes at %#x: %v, want %v", bad.size, bad.off, err, bad.want)
		}
	}
	for _, node := range []int{-1, 1024, math.MaxInt, math.MinInt} {
		if err := r.SetNUMAPolicy(0, page, NUMABind, 0, node); !errors.Is(err, ErrRange) {
			t.Errorf("node %d: %v", node, err)
		}
	}
	for _, policy := range []NUMAPolicy{-1, 200, 256, math.MaxInt} {
		if err := r.SetNUMAPolicy(0, page, policy, 0); err == nil {
			t.Errorf("policy %d was taken", policy)
		}
	}
	if err := r.SetNUMAPolicy(0, page, NUMABind); err == nil {
		t.Error("to bind to no node was taken")
	}
	if err := r.SetNUMAPolicy(0, page, NUMABind, 1023); err == nil {
		t.Error("to bind to a node that there is not was taken")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.SetNUMAPolicy(0, page, NUMABind, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("of a closed region: %v", err)
	}
}
