package kvm

import (
	"fmt"
	"testing"

	"linuxkvm/memory"
)

func TestPromiseManyVMsLeaveNothing(t *testing.T) {
	needPrograms(t)
	s := openSystem(t)
	for range 20 {
		must(t, oneVM(s)) // what is made once in a process
	}
	before := measureUsage(t)
	n := scale(t, 1000, 100)
	most := before
	for i := range n {
		if err := oneVM(s); err != nil {
			t.Fatalf("VM %d: %v", i, err)
		}
		if i%100 == 99 {
			now := measureUsage(t)
			most.fds, most.mappings = max(most.fds, now.fds), max(most.mappings, now.mappings)
			most.threads, most.heap = max(most.threads, now.threads), max(most.heap, now.heap)
		}
	}
	after := measureUsage(t)
	t.Logf("%d VMs: before %+v; at most %+v; after %+v", n, before, most, after)
	if after.fds != before.fds {
		t.Errorf("%d descriptors before and %d after", before.fds, after.fds)
	}
	if after.mappings != before.mappings {
		t.Errorf("%d mappings before and %d after", before.mappings, after.mappings)
	}
	// The Go runtime takes a few threads as it pleases.
	if after.threads > before.threads+4 {
		t.Errorf("%d threads before and %d after", before.threads, after.threads)
	}
	if after.heap > before.heap+256<<10 {
		t.Errorf("%d bytes of heap before and %d after", before.heap, after.heap)
	}
}

// oneVM makes a VM, runs it to its end and closes it.
func oneVM(s *System) (err error) {
	r, err := memory.New(0x10000)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, r.Close()) }()
	vm, err := s.CreateVM()
	if err != nil {
		return err
	}
	defer vm.Close()
	if err := vm.SetUserMemoryRegion(0, 0, 0, r); err != nil {
		return err
	}
	v, err := vm.CreateVCPU(0)
	if err != nil {
		return err
	}
	defer v.Close()
	if err := startProgram(v, r, programRead); err != nil {
		return err
	}
	exit, err := runFor(v, runLimit)
	if err != nil {
		return err
	}
	programAnswer(exit, 1)
	if exit, err = runFor(v, runLimit); err == nil && !isDone(exit) {
		err = fmt.Errorf("exit reason %v, want that the guest is done", exit.Reason())
	}
	return err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
