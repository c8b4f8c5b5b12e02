//go:build linux && amd64

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"linuxkvm/kvm"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// The targets, and the VMs they are for.
const (
	maxFirst   = 8 << 20   // bytes resident beyond guest memory, with one VM
	maxFurther = 200 << 10 // bytes more for each further one

	furtherVMs = 50
	vmMemory   = 64 << 20
	vmTouched  = 1 << 20 // what a guest has used of it
)

// reportMemory measures in a process that does nothing else, and prints how it
// compares with the targets.
func reportMemory(ctx context.Context, w io.Writer) (met bool, err error) {
	self, err := os.Executable()
	if err != nil {
		return false, err
	}
	cmd := exec.CommandContext(ctx, self, "-memory-child", strconv.Itoa(furtherVMs))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return false, fmt.Errorf("measure memory: %w", err)
	}
	var none, first, last int
	if _, err := fmt.Sscan(string(out), &none, &first, &last); err != nil {
		return false, fmt.Errorf("measure memory: %q: %w", out, err)
	}
	further := (last - first) / furtherVMs
	met = first < maxFirst && further < maxFurther
	fmt.Fprintf(w, "\nresident memory of the process beyond its guests' (each %d MiB, %d MiB of them used, one vCPU waiting in the kernel)\n\n", vmMemory>>20, vmTouched>>20)
	fmt.Fprintf(w, "  without a VM        %6d KiB\n", none>>10)
	fmt.Fprintf(w, "  with one            %6d KiB   target under %d KiB: %s\n", first>>10, maxFirst>>10, verdict(first < maxFirst))
	fmt.Fprintf(w, "  each of %d further  %6d KiB   target under %d KiB: %s\n", furtherVMs, further>>10, maxFurther>>10, verdict(further < maxFurther))
	return met, nil
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "MISSED"
}

// memoryChild prints the bytes resident beyond guest memory: without a VM, with
// one, and with n more.
func memoryChild(w io.Writer, n int) error {
	sys, err := kvm.Open()
	if err != nil {
		return err
	}
	defer sys.Close()
	var guests []*memory.Region
	report := func() error {
		bytes, err := residentBeyond(guests)
		if err == nil {
			_, err = fmt.Fprintln(w, bytes)
		}
		return err
	}
	if err := report(); err != nil {
		return err
	}
	for i := range n + 1 {
		vm, err := waitingVM(sys)
		if err != nil {
			return err
		}
		defer vm.close()
		guests = append(guests, vm.ram)
		if i == 0 || i == n {
			if err := report(); err != nil {
				return err
			}
		}
	}
	return nil
}

// vm is a guest whose vCPU is in KVM_RUN on a thread of its own.
type vm struct {
	guest
	cancel context.CancelFunc
	ended  chan error
}

// waitingVM has an interrupt controller in the kernel, so that its guest waits
// there.
func waitingVM(sys *kvm.System) (*vm, error) {
	v := &vm{ended: make(chan error, 1)}
	if err := v.create(sys); err != nil {
		return nil, errors.Join(err, v.guest.close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	v.cancel = cancel
	started := make(chan struct{})
	go func() {
		close(started)
		v.ended <- v.vcpu.Loop(ctx, func(e kvm.Exit) error {
			if e.Reason() != uapi.ExitIntr {
				return fmt.Errorf("exit reason %v", e.Reason())
			}
			return nil
		})
	}()
	<-started
	time.Sleep(2 * time.Millisecond) // for the guest to get to its HLT
	return v, nil
}

func (v *vm) create(sys *kvm.System) (err error) {
	if v.ram, err = memory.New(vmMemory); err != nil {
		return err
	}
	page := make([]byte, 4096)
	for off := int64(0); off < vmTouched; off += int64(len(page)) {
		if _, err := v.ram.WriteAt(page, off); err != nil {
			return err
		}
	}
	if _, err := v.ram.WriteAt(haltCode, codeAddr); err != nil {
		return err
	}
	if v.vm, err = sys.CreateVM(); err != nil {
		return err
	}
	if err := v.vm.CreateIRQChip(); err != nil {
		return err
	}
	if err := v.vm.SetUserMemoryRegion(0, 0, 0, v.ram); err != nil {
		return err
	}
	if v.vcpu, err = v.vm.CreateVCPU(0); err != nil {
		return err
	}
	sregs, err := v.vcpu.Sregs()
	if err != nil {
		return err
	}
	sregs.CS.Base, sregs.CS.Selector = 0, 0
	if err := v.vcpu.SetSregs(&sregs); err != nil {
		return err
	}
	return v.vcpu.SetRegs(&uapi.Regs{RIP: codeAddr, RFLAGS: 2})
}

func (v *vm) close() error {
	v.cancel()
	err := <-v.ended
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, v.guest.close())
}

// residentBeyond is what this process has in memory apart from the regions. The
// garbage of getting there is given back first, as a process at rest does.
func residentBeyond(regions []*memory.Region) (int, error) {
	debug.FreeOSMemory()
	all, err := rss("/proc/self/smaps_rollup", func(string) bool { return true })
	if err != nil {
		return 0, err
	}
	starts := map[string]bool{}
	for _, r := range regions {
		starts[fmt.Sprintf("%x", r.Addr())] = true
	}
	guests, err := rss("/proc/self/smaps", func(start string) bool { return starts[start] })
	return all - guests, err
}

// rss adds up the resident bytes of the mappings that are wanted, by the address
// where they start.
func rss(path string, want func(start string) bool) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	total, counts := 0, false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if start, _, ok := strings.Cut(lines.Text(), "-"); ok && !strings.Contains(start, ":") {
			counts = want(start)
		}
		var kib int
		if _, err := fmt.Sscanf(lines.Text(), "Rss: %d kB", &kib); err == nil && counts {
			total += kib << 10
		}
	}
	return total, lines.Err()
}
