package machine

import (
	"time"

	"linuxkvm/boot/arm64"
	"linuxkvm/device"
	"linuxkvm/kvm"
)

// ConsoleName is the kernel's name of the guest's first serial port.
const ConsoleName = "ttyAMA0"

// board is the machine's devices.
type board struct{ devices }

// createBoard makes the devices and puts each at its address.
func (m *Machine) createBoard() error {
	serial := device.NewPL011(device.SerialConfig{Line: m.spi(arm64.UARTSPI), Output: m.cfg.ConsoleOut})
	rtc := device.NewPL031(time.Now, m.spi(arm64.RTCSPI))
	m.board = new(board)
	m.board.connect(m.cfg.ConsoleIn, serial, rtc)
	return addTo(&m.board.mmio, []place{
		{"serial port", arm64.UARTAddr, device.PL011Size, serial},
		{"real-time clock", arm64.RTCAddr, device.PL031Size, rtc},
	})
}

// ownExit answers the exits that only arm64 has: none that is asked for. Calls of
// the firmware come as system events.
func (r *runner) ownExit(e kvm.Exit) error { return r.useless(e) }
