package acpi

import "fmt"

const dsdtRevision = 2 // 64-bit integers

// SleepTypeOff is the SLP_TYP value of \_S5.
const SleepTypeOff = 5

// SleepPowerOff is the byte the guest writes to the sleep control register to
// power off: SLP_TYP 5 in bits 2 to 4 and SLP_EN in bit 5.
const SleepPowerOff = SleepTypeOff<<2 | 1<<5

// dsdt describes the devices.
func dsdt(m *Machine) []byte {
	var devices [][]byte
	for i := range m.CPUs {
		devices = append(devices, processor(i))
	}
	for i, s := range m.Serial {
		devices = append(devices, serial(i, s))
	}
	if m.RTC {
		devices = append(devices, device("RTC_", name("_HID", eisaID("PNP0B00")),
			name("_CRS", resources(ioPorts(m.RTCPort, 2), interrupt(m.RTCGSI, false)))))
	}
	if m.I8042 {
		devices = append(devices, device("KBD_", name("_HID", eisaID("PNP0303")),
			name("_CRS", resources(ioPorts(0x60, 1), ioPorts(0x64, 1), interrupt(m.I8042GSI, false)))))
	}
	if m.PowerButtonGSI != 0 {
		devices = append(devices, powerButton(m.PowerButtonGSI)...)
	}
	for i, v := range m.Virtio {
		devices = append(devices, virtio(i, v))
	}
	t := newTable("DSDT", dsdtRevision, headerSize)
	t = append(t, scope("_SB_", devices...)...)
	if m.SleepControlPort != 0 {
		t = append(t, name("_S5_", pkg(integer(SleepTypeOff), integer(0), integer(0), integer(0)))...)
	}
	return seal(t)
}

func processor(i int) []byte {
	return device(fmt.Sprintf("C%03X", i), name("_HID", text("ACPI0007")), name("_UID", integer(uint64(i))))
}

func serial(i int, s Serial) []byte {
	return device(fmt.Sprintf("COM%X", i+1), name("_HID", eisaID("PNP0501")), name("_UID", integer(uint64(i))),
		name("_CRS", resources(ioPorts(s.Port, 8), interrupt(s.GSI, false))))
}

// virtio describes a virtio-mmio transport, by the identifier Linux looks for.
// Its memory accesses are coherent with the caches.
func virtio(i int, v Virtio) []byte {
	return device(fmt.Sprintf("VR%02X", i), name("_HID", text("LNRO0005")), name("_UID", integer(uint64(i))),
		name("_CCA", integer(1)), name("_CRS", resources(mmio(v.Addr, v.Size), interrupt(v.GSI, v.Level))))
}

// powerButton is a generic event device: a pulse on the GSI means that the
// button was pressed. The hardware-reduced model has no fixed button.
func powerButton(gsi uint32) [][]byte {
	const pressed = 0x80
	return [][]byte{
		device("PWRB", name("_HID", eisaID("PNP0C0C"))),
		device("GED_", name("_HID", text("ACPI0013")), name("_CRS", resources(interrupt(gsi, false))),
			method("_EVT", 1, ifArg0(uint64(gsi), notify("PWRB", pressed)))),
	}
}
