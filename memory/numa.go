package memory

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// NUMAPolicy says how the nodes given to [Region.SetNUMAPolicy] are chosen from.
type NUMAPolicy int

// The policies, as set_mempolicy(2) has them.
const (
	NUMADefault    NUMAPolicy = unix.MPOL_DEFAULT    // that of the thread that touches a page; no nodes
	NUMAPreferred  NUMAPolicy = unix.MPOL_PREFERRED  // one node, others when it is full
	NUMABind       NUMAPolicy = unix.MPOL_BIND       // these nodes and no other
	NUMAInterleave NUMAPolicy = unix.MPOL_INTERLEAVE // page by page in turn
	NUMALocal      NUMAPolicy = unix.MPOL_LOCAL      // the node of the CPU that touches a page; no nodes
)

// SetNUMAPolicy says which nodes of the host the pages of a range come from. It is
// for pages that are not touched yet, by guest or host. off and size are bytes and
// multiples of the page size; nodes are the host's numbers, below 1024.
//
// The mapping of a guest_memfd keeps it since Linux 6.19; before, the pages there
// come from anywhere.
func (r *Region) SetNUMAPolicy(off, size uint64, policy NUMAPolicy, nodes ...int) error {
	if off%uint64(pageSize) != 0 || size%uint64(pageSize) != 0 || size == 0 {
		return fmt.Errorf("memory: offset %#x and size %#x: %w: want multiples of the page size %d, and a size that is not 0", off, size, ErrAlign, pageSize)
	}
	if whole := r.Size(); off > whole || size > whole-off {
		return rangeError("offset", off, size, whole)
	}
	mask, err := nodeMask(nodes)
	if err != nil {
		return err
	}
	if policy < 0 || policy > math.MaxUint8 {
		return fmt.Errorf("memory: there is no NUMA policy %d", policy)
	}
	if !r.c().guard.Acquire() {
		return ErrClosed
	}
	defer r.c().release()
	if err := r.c().mapping.SetPolicy(uintptr(off), uintptr(size), int(policy), mask); err != nil {
		return fmt.Errorf("memory: NUMA policy %d of nodes %d: %w", policy, nodes, err)
	}
	return nil
}

func nodeMask(nodes []int) ([]uint64, error) {
	const limit = 1024
	var mask []uint64
	for _, n := range nodes {
		if n < 0 || n >= limit {
			return nil, fmt.Errorf("memory: NUMA node %d: %w: want 0 to %d", n, ErrRange, limit-1)
		}
		for len(mask) <= n/64 {
			mask = append(mask, 0)
		}
		mask[n/64] |= 1 << (n % 64)
	}
	return mask, nil
}
