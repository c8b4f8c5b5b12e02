package kvm

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// Stats are the statistics that KVM keeps of a VM or of a vCPU: what there is, and
// the present values. It is safe for concurrent use.
//
// It keeps the kernel's VM until it is closed. When the VM or vCPU that it was asked
// of is closed it can be read no more.
type Stats struct {
	fd    *sys.FD
	owner *sys.FD // of the VM or vCPU
	statsLayout
}

// StatsFD opens the statistics of the VM: sums over its vCPUs are not among them.
//
// ioctl: KVM_GET_STATS_FD (vm) · cap: KVM_CAP_BINARY_STATS_FD · arch: all · since: Linux 5.14 · doc: virt/kvm/api.rst "KVM_GET_STATS_FD"
func (vm *VM) StatsFD() (*Stats, error) {
	return openStats(vm, vm.c().fd, uapi.IoctlVMGetStatsFD)
}

// StatsFD opens the statistics of the vCPU: exits, halts, and so on. They can be
// read while it runs.
//
// ioctl: KVM_GET_STATS_FD (vcpu) · cap: KVM_CAP_BINARY_STATS_FD · arch: all · since: Linux 5.14 · doc: virt/kvm/api.rst "KVM_GET_STATS_FD"
func (v *VCPU) StatsFD() (*Stats, error) {
	return openStats(v.vm, v.c().fd, uapi.IoctlVCPUGetStatsFD)
}

func openStats[R request](vm *VM, from fdOf[R], req R) (*Stats, error) {
	// Holding the owner keeps the VM there until the new descriptor counts.
	if _, ok := from.Acquire(); !ok {
		return nil, opError(req, ErrClosed)
	}
	defer from.Release()
	n, err := ioctlNumber(from, req, 0)
	if err != nil {
		return nil, explain(err, vm, uapi.CapBinaryStatsFD, "5.14")
	}
	state := vm.c().vmState
	state.retain()
	fd := sys.NewFD(n, func(fd int) {
		sys.CloseFD(fd)
		state.release()
	})
	layout, err := readStatsLayout(fd)
	if err != nil {
		fd.Close()
		return nil, fmt.Errorf("kvm: %v: %w", req, err)
	}
	return &Stats{fd: fd, owner: from.FD, statsLayout: layout}, nil
}

// Close closes the descriptor. Closing again does nothing.
func (s *Stats) Close() error {
	s.fd.Close()
	return nil
}

// ID returns the kernel's name for what the statistics are of: it has the process
// id, and for a vCPU its id.
func (s *Stats) ID() string { return s.id }

// Metrics returns what there is, in KVM's order, which is for the caller to keep.
func (s *Stats) Metrics() []Metric { return slices.Clone(s.metrics) }

// Metric returns the first metric of a name: "exits", for one. What names there
// are depends on the architecture and the kernel.
func (s *Stats) Metric(name string) (Metric, bool) {
	i := slices.IndexFunc(s.metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return s.metrics[i], true
}

// Len returns how many values there are, of all metrics together: the length of
// what Read fills.
func (s *Stats) Len() int { return s.words }

// Read reads the present values of all metrics into values, which has room for Len
// of them; [Metric.Values] finds those of one. It allocates nothing. The values are
// of about the same moment, not of the same.
func (s *Stats) Read(values []uint64) error {
	if len(values) < s.words {
		return invalid("Stats.Read: room for %d values, want %d (Len)", len(values), s.words)
	}
	// Kernels before 6.5 do not keep the VM for the descriptor of its statistics.
	if _, ok := s.owner.Acquire(); !ok {
		return opError(opName("read of statistics"), ErrClosed)
	}
	defer s.owner.Release()
	return readFull(s.fd, asBytes(values[:s.words]), s.dataOffset)
}

// readFull fills p from a place of a file, or returns an error.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	for done := 0; done < len(p); {
		n, err := r.ReadAt(p[done:], off+int64(done))
		done += n
		switch {
		case done == len(p):
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return opError(opName("read of statistics"), err)
		case n == 0 || err != nil:
			return opError(opName("read of statistics"), io.ErrUnexpectedEOF)
		}
	}
	return nil
}
