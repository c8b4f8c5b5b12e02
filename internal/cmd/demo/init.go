package main

import (
	"fmt"
	"os"

	"linuxkvm/internal/guest"
)

// guestMain is what the guest does: it says what it is, and powers off.
func guestMain() {
	err := guest.Setup()
	if err == nil {
		fmt.Println("\nHello from user space inside the microVM.")
		err = guest.Report(os.Stdout)
	}
	if err == nil {
		fmt.Println("guest: switching off.")
		err = guest.PowerOff()
	}
	// Leaving /init is a kernel panic, which the machine reports as a reset.
	fmt.Println("guest:", err)
}
