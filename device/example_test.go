package device_test

import (
	"context"
	"fmt"
	"os"

	"linuxkvm/device"
)

// A bus takes what a vCPU does to its ports, and the serial port on it sends
// what the guest says to standard output.
func ExampleBus() {
	var ports device.Bus
	com1 := device.NewSerial(device.SerialConfig{Output: os.Stdout})
	if err := ports.Add("serial port", 0x3f8, device.SerialSize, com1); err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range []byte("hello from the guest\n") {
		ports.Write(0x3f8, []byte{b})
	}
	if err := com1.Flush(context.Background()); err != nil {
		fmt.Println(err)
	}
	if err := com1.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(ports.Add("modem", 0x3fc, 8, device.Ignore{}))
	// Output:
	// hello from the guest
	// device: modem at 0x3fc-0x403 and serial port at 0x3f8-0x3ff: address ranges overlap
}

// The ACPI registers tell the machine what the guest wants of it.
func ExampleSleepRegs() {
	power := func(e device.PowerEvent) { fmt.Println("the guest asks for:", e) }
	sleep := device.NewSleepRegs(5, power)
	reset := device.NewResetReg(1, power)
	sleep.Write(0, []byte{5<<2 | 1<<5})
	reset.Write(0, []byte{1})
	// Output:
	// the guest asks for: power off
	// the guest asks for: reset
}
