// Package device holds the models of a small machine's devices: a [Bus] that
// finds them by address; of a PC the NS16550A [Serial] port, the MC146818 [RTC],
// the [I8042] controller, and the ACPI power registers ([SleepRegs], [PM1],
// [ResetReg], [PMTimer]); of an Arm machine the [PL011] serial port and the [PL031]
// clock; of a RISC-V machine the [PLIC] and the [GoldfishRTC].
//
// Nothing here knows KVM. A device is a [Device]: register reads and writes at
// offsets from wherever its owner put it. Its interrupt is a [Line], its clock
// a func() time.Time, its output an io.Writer. Whoever wires a machine connects
// these to real ones, and a test connects them to anything.
//
// # Concurrency
//
// Every vCPU has a thread of its own and any of them may reach any device at
// any moment, so every method of every type here may be called from several
// goroutines at once. A device holds a lock of its own while it works and also
// while it calls Line.SetLevel, so that the last level it reported is the
// current one; a Line must therefore not call back into the device. Callbacks
// that report power events run without a lock held, on the vCPU's thread.
//
// # Trust
//
// The guest writes what it likes to the registers, at any offset, in any size
// and order. No such traffic makes a device panic, block without bound or use
// memory without bound.
package device
