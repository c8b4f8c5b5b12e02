package host

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"linuxkvm/confine"
	"linuxkvm/internal/probe"
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// Collect asks this host's KVM, and runs tiny guests to measure it, for some
// tenths of a second. What cannot be measured is said in the result.
func Collect(sys *kvm.System) (*Info, error) {
	return collect(sys, os.DirFS("/sys"))
}

func collect(sys *kvm.System, sysfs fs.FS) (*Info, error) {
	info := &Info{Kernel: kernelRelease(), Confinement: confinement(confine.Available())}
	var err error
	if info.APIVersion, err = sys.APIVersion(); err != nil {
		return nil, err
	}
	if info.CPU, err = processor(sys); err != nil {
		return nil, err
	}
	info.Module = module(sysfs, info.CPU.Vendor)
	if info.Capabilities, err = capabilities(sys); err != nil {
		return nil, err
	}
	if info.Limits, err = limits(sys); err != nil {
		return nil, err
	}
	info.Measured = measure(sys)
	return info, nil
}

// CurrentModule is the KVM module of this host, as far as it can be told
// without asking KVM.
func CurrentModule() Module { return module(os.DirFS("/sys"), "") }

func kernelRelease() string {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(uts.Sysname[:]) + " " + unix.ByteSliceToString(uts.Release[:])
}

// capabilities asks for every capability that the headers know.
func capabilities(sys *kvm.System) ([]Capability, error) {
	extensions, err := askAll(sys)
	if err != nil {
		return nil, err
	}
	all := make([]Capability, len(extensions))
	for i, e := range extensions {
		all[i] = describe(e.Cap.String(), int(e.Cap), e.Value)
	}
	return all, nil
}

// limits follows the kernel's rules for a KVM that does not tell: the maximum is
// then the recommended number, the recommended one is 4, and ids are as many as
// vCPUs.
func limits(sys *kvm.System) (l Limits, err error) {
	ids := 0
	for _, q := range []struct {
		c    uapi.Cap
		into *int
	}{
		{uapi.CapNrVCPUs, &l.RecommendedVCPUs}, {uapi.CapMaxVCPUs, &l.MaxVCPUs},
		{uapi.CapMaxVCPUID, &ids}, {uapi.CapNrMemslots, &l.MemorySlots},
	} {
		if *q.into, err = sys.CheckExtension(q.c); err != nil {
			return l, err
		}
	}
	l.fill(ids)
	l.VCPUMmapSize, err = sys.VCPUMmapSize()
	return l, err
}

func (l *Limits) fill(ids int) {
	if l.RecommendedVCPUs == 0 {
		l.RecommendedVCPUs = 4
	}
	if l.MaxVCPUs == 0 {
		l.MaxVCPUs = l.RecommendedVCPUs
	}
	if ids == 0 {
		ids = l.MaxVCPUs
	}
	l.MaxVCPUID = ids - 1
}

func measure(sys *kvm.System) Measured {
	r, err := probe.Measure(sys)
	if err != nil {
		return Measured{Error: err.Error(), Advice: fmt.Sprintf("The tiny guests of the measurement did not run (%v): expect the same of larger ones.", err)}
	}
	return Measured{
		ExitNS: r.Exit.Nanoseconds(), KernelLoopNS: r.KernelLoop, UserLoopNS: r.UserLoop,
		KernelModeEmulated: r.KernelModeEmulated(), Advice: r.Advice(),
	}
}
