package kvm_test

import (
	"fmt"
	"log"

	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Asking for a capability tells "no" from "could not ask".
func ExampleSystem_CheckExtension() {
	system := must(kvm.Open())
	defer system.Close()
	n, err := system.CheckExtension(uapi.CapUserMemory)
	fmt.Println(n, err)
	// Output: 1 <nil>
}

// Pages that a guest has written since the last look.
func ExampleDirtyBitmap() {
	log := kvm.NewDirtyBitmap(100)
	log.Set(3)
	log.Set(64)
	for page := range log.Pages() {
		fmt.Println("page", page)
	}
	// Output:
	// page 3
	// page 64
}

// How often a vCPU was woken up that waited. (The names of other counters are the
// architecture's: most count exits as "exits".)
func ExampleStats() {
	system := must(kvm.Open())
	defer system.Close()
	vm := must(system.CreateVM())
	defer vm.Close()
	vcpu := must(vm.CreateVCPU(0))
	defer vcpu.Close()

	stats := must(vcpu.StatsFD())
	defer stats.Close()
	wakeups, ok := stats.Metric("halt_wakeup")
	values := make([]uint64, stats.Len())
	check(stats.Read(values)) // again and again
	fmt.Println(ok, wakeups.Type, wakeups.Value(values))
	// Output: true cumulative 0
}
