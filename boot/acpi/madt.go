package acpi

import "encoding/binary"

// The MADT of ACPI 6.5 (section 5.2.12).
const (
	madtRevision = 6

	madtLAPIC  = 0
	madtIOAPIC = 1
	madtNMI    = 4
	madtX2APIC = 9

	cpuEnabled = 1
	allCPUs    = 0xff
	// firstX2APIC is the first id that does not fit the short entry: 255 is
	// the broadcast id.
	firstX2APIC = 255
)

// madt lists the local APICs (id = vCPU index) and the IOAPIC. No interrupt
// source override: in the hardware-reduced model there is no legacy interrupt to
// redirect. No PCAT_COMPAT flag: the guest is to leave the PIC alone.
func madt(m *Machine) []byte {
	le := binary.LittleEndian
	t := newTable("APIC", madtRevision, headerSize+8)
	le.PutUint32(t[headerSize:], m.LAPICAddr)
	for i := range uint32(m.CPUs) {
		if i < firstX2APIC {
			t = append(t, madtLAPIC, 8, byte(i), byte(i))
			t = le.AppendUint32(t, cpuEnabled)
			continue
		}
		t = append(t, madtX2APIC, 16, 0, 0)
		t = le.AppendUint32(t, i)
		t = le.AppendUint32(t, cpuEnabled)
		t = le.AppendUint32(t, i)
	}
	t = append(t, madtIOAPIC, 12, 0, 0)
	t = le.AppendUint32(t, m.IOAPICAddr)
	t = le.AppendUint32(t, 0)                     // its first GSI
	t = append(t, madtNMI, 6, allCPUs, 0, 0, 0x1) // on LINT1, as on any PC
	return seal(t)
}
