package kvm

import "encoding/binary"

// An interrupt controller is encoded as parts: of each its length and then its bytes.

func appendPart(b, part []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(part))), part...)
}

// part is nil, and r at its end, when there is not a whole one.
func (r *stateReader) part() []byte { return r.bytes(int(r.uint32())) }

func vgicField(name string, p **VGICV3State) stateField {
	return stateField{
		name: name,
		put: func() ([]byte, error) {
			if *p == nil {
				return nil, nil
			}
			return encodeVGIC(*p)
		},
		get: func(b []byte) (err error) {
			*p, err = decodeVGIC(name, b)
			return err
		},
	}
}

// vgicFields are the parts but for those of the vCPUs.
func (s *VGICV3State) vgicFields() []stateField {
	return []stateField{
		valueField("gicv3: number of interrupts", &s.NrIRQs),
		valueField("gicv3: GICD_IIDR", &s.IIDR),
		listField("gicv3: distributor", &s.Distributor),
		listField("gicv3: wires", &s.Lines),
	}
}

func (c *VGICV3CPU) vgicFields() []stateField {
	return []stateField{
		valueField("gicv3: MPIDR", &c.MPIDR),
		listField("gicv3: redistributor", &c.Regs),
		valueField("gicv3: private wires", &c.Lines),
		regsField("gicv3: CPU interface", &c.Sysreg),
	}
}

func encodeVGIC(s *VGICV3State) ([]byte, error) {
	fields := s.vgicFields()
	for i := range s.Redistributor {
		fields = append(fields, s.Redistributor[i].vgicFields()...)
	}
	var b []byte
	for _, f := range fields {
		part, err := f.put()
		if err != nil {
			return nil, err
		}
		b = appendPart(b, part)
	}
	return b, nil
}

func decodeVGIC(name string, b []byte) (*VGICV3State, error) {
	s := new(VGICV3State)
	r := stateReader{b}
	if err := decodeParts(name, &r, s.vgicFields()); err != nil {
		return nil, err
	}
	for len(r.data) > 0 {
		var cpu VGICV3CPU
		if err := decodeParts(name, &r, cpu.vgicFields()); err != nil {
			return nil, err
		}
		s.Redistributor = append(s.Redistributor, cpu)
	}
	return s, nil
}

func decodeParts(name string, r *stateReader, fields []stateField) error {
	for _, f := range fields {
		part := r.part()
		if r.data == nil {
			return corrupt(name, "it ends within %s", f.name)
		}
		if err := f.get(part); err != nil {
			return err
		}
	}
	return nil
}

func itsField(name string, p *[]VGICITSState) stateField {
	return stateField{
		name: name,
		put: func() (b []byte, _ error) {
			for i := range *p {
				part, err := listField(name, &(*p)[i].Regs).put()
				if err != nil {
					return nil, err
				}
				b = appendPart(b, part)
			}
			return b, nil
		},
		get: func(b []byte) error {
			for r := (stateReader{b}); len(r.data) > 0; {
				part := r.part()
				if r.data == nil {
					return corrupt(name, "it ends within one")
				}
				var s VGICITSState
				if err := listField(name, &s.Regs).get(part); err != nil {
					return err
				}
				*p = append(*p, s)
			}
			return nil
		},
	}
}
