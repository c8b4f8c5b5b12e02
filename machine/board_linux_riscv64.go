package machine

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"linuxkvm/boot/riscv64"
	"linuxkvm/device"
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// ConsoleName is the kernel's name of the guest's first serial port.
const ConsoleName = "ttyS0"

// board is the machine's devices.
type board struct {
	devices

	plic *device.PLIC // nil where KVM has an interrupt controller
}

// createBoard makes the devices and puts each at its address.
func (m *Machine) createBoard() error {
	var places []place
	var plic *device.PLIC
	if !m.hasAIA() {
		var harts []device.Line
		for id := range m.cfg.CPUs {
			harts = append(harts, hartLine{m, id})
		}
		plic = device.NewPLIC(harts...)
		places = append(places, place{"interrupt controller", riscv64.PLICAddr, riscv64.PLICSize, plic})
	}
	serial := device.NewSerial(device.SerialConfig{Line: m.wired(plic, riscv64.UARTIRQ), Output: m.cfg.ConsoleOut})
	rtc := device.NewGoldfishRTC(time.Now, m.wired(plic, riscv64.RTCIRQ))
	m.board = &board{plic: plic}
	m.board.connect(m.cfg.ConsoleIn, serial, rtc)
	return addTo(&m.board.mmio, append(places,
		place{"serial port", riscv64.UARTAddr, device.SerialSize, serial},
		place{"real-time clock", riscv64.RTCAddr, device.GoldfishRTCSize, rtc},
	))
}

// ownExit answers the exits that only riscv64 has.
func (r *runner) ownExit(e kvm.Exit) error {
	switch e.Reason() {
	case uapi.ExitRISCVSBI:
		// Extensions that KVM leaves to us, of which there is none here.
		e.RISCVSBI().SetReturn(sbiNotSupported, 0)
	case uapi.ExitRISCVCSR:
		return r.csr(e)
	default:
		return r.useless(e)
	}
	return nil
}

// sbiNotSupported is the SBI's error of that name.
const sbiNotSupported = -2

const (
	csrSeed = 0x015
	// seedValid is the state that says that the low half of the register is random.
	seedValid = 2 << 30
)

// csr answers the one register that KVM leaves to us: the source of entropy.
func (r *runner) csr(e kvm.Exit) error {
	x := e.RISCVCSR()
	if x.CSR != csrSeed {
		return r.useless(e)
	}
	p := r.buf[:2]
	if _, err := rand.Read(p); err != nil {
		return err
	}
	x.SetReturn(seedValid | uint64(binary.LittleEndian.Uint16(p)))
	return nil
}
