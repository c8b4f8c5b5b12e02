// Package probe measures what this host's KVM is good for, with guests of a few
// instructions: what an exit costs, and how fast the guest's kernel and user
// mode run. It takes some tenths of a second.
//
// A host whose KVM has no help from the processor may run guest user mode at
// full speed and emulate guest kernel mode, one instruction at a time. Small
// guests do well there; Linux needs hours to boot. [Report.KernelModeEmulated]
// tells.
package probe
