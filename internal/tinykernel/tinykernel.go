// Package tinykernel makes a kernel of some hundred bytes for tests: it boots
// wherever KVM is, in no time, and ends in every way a guest can.
package tinykernel

// Greeting is what the kernel writes to its console first.
const Greeting = "tiny kernel\r\n"

// Keys that the kernel obeys on its console; it sends every other one back.
const (
	PowerOff      = "p"
	Reset         = "r"
	InternalError = "i" // it does what KVM cannot go on with
)
