package acpi

import "encoding/binary"

// The FADT of ACPI 6.5 (section 5.2.9).
const (
	fadtSize     = 276
	fadtRevision = 6
	fadtMinor    = 5

	fadtBootArch     = 109
	fadtFlags        = 112
	fadtResetReg     = 116
	fadtResetValue   = 128
	fadtMinorVersion = 131
	fadtXDSDT        = 140
	fadtSleepControl = 244
	fadtSleepStatus  = 256
	fadtHypervisor   = 268

	bootLegacyDevices = 1 << 0
	boot8042          = 1 << 1
	bootNoVGA         = 1 << 2
	bootNoASPM        = 1 << 4
	bootNoCMOSRTC     = 1 << 5

	flagWBINVD      = 1 << 0
	flagC1          = 1 << 2
	flagPowerButton = 1 << 4 // no fixed power button
	flagSleepButton = 1 << 5 // no fixed sleep button
	flagResetReg    = 1 << 10
	flagHeadless    = 1 << 12
	flagHWReduced   = 1 << 20

	spaceSystemIO = 1
	accessByte    = 1
)

// fadt describes the fixed hardware: none but the sleep and reset registers.
func fadt(m *Machine, dsdt uint64) []byte {
	le := binary.LittleEndian
	t := newTable("FACP", fadtRevision, fadtSize)
	arch := uint16(bootLegacyDevices | bootNoVGA | bootNoASPM)
	if m.I8042 {
		arch |= boot8042
	}
	if !m.RTC {
		arch |= bootNoCMOSRTC
	}
	le.PutUint16(t[fadtBootArch:], arch)
	flags := uint32(flagWBINVD | flagC1 | flagPowerButton | flagSleepButton | flagHeadless | flagHWReduced)
	if m.ResetPort != 0 {
		flags |= flagResetReg
		putPort(t[fadtResetReg:], m.ResetPort)
		t[fadtResetValue] = m.ResetValue
	}
	le.PutUint32(t[fadtFlags:], flags)
	t[fadtMinorVersion] = fadtMinor
	le.PutUint64(t[fadtXDSDT:], dsdt)
	if m.SleepControlPort != 0 {
		putPort(t[fadtSleepControl:], m.SleepControlPort)
		putPort(t[fadtSleepStatus:], m.SleepStatusPort)
	}
	copy(t[fadtHypervisor:], oemID)
	return seal(t)
}

// putPort writes the generic address of a register of one byte at a port.
func putPort(b []byte, port uint16) {
	b[0], b[1], b[2], b[3] = spaceSystemIO, 8, 0, accessByte
	binary.LittleEndian.PutUint64(b[4:], uint64(port))
}
