// Package machine is a Linux virtual machine as a Go value: it wires guest RAM,
// a kernel, vCPUs and devices, runs them inside the caller's own process, and
// gives control back with a typed result when the guest ends.
//
//	m, err := machine.New(machine.Config{Kernel: kernel, Initrd: initrd, CPUs: 2})
//	...
//	defer m.Close()
//	result, err := m.Run(ctx)
//
// A Machine is used once: New, then Run (or Start and Wait), then Close. As many
// machines as wanted may run at once; they share nothing.
//
// Whatever a guest does ends at worst its own machine. How it ended is the
// Result: power-off, reset, triple fault, an error inside KVM, or stopped by the
// host; see [Ending].
package machine
