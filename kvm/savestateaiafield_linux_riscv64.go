package kvm

import "encoding/binary"

// aiaField is an interrupt controller as parts: of each its length and then its bytes.
func aiaField(name string, p **RISCVAIAState) stateField {
	return stateField{
		name: name,
		put: func() (b []byte, _ error) {
			if *p == nil {
				return nil, nil
			}
			for _, f := range (*p).aiaFields() {
				part, err := f.put()
				if err != nil {
					return nil, err
				}
				b = append(binary.LittleEndian.AppendUint32(b, uint32(len(part))), part...)
			}
			return b, nil
		},
		get: func(b []byte) error {
			s := new(RISCVAIAState)
			r := stateReader{b}
			for _, f := range s.aiaFields() {
				part := r.bytes(int(r.uint32()))
				if r.data == nil {
					return corrupt(name, "it ends within %s", f.name)
				}
				if err := f.get(part); err != nil {
					return err
				}
			}
			if len(r.data) > 0 {
				return corrupt(name, "there are %d bytes behind it", len(r.data))
			}
			*p = s
			return nil
		},
	}
}

func (s *RISCVAIAState) aiaFields() []stateField {
	return []stateField{
		valueField("aia: number of wires", &s.Sources),
		valueField("aia: number of messages", &s.IDs),
		listField("aia: APLIC", &s.APLIC),
		listField("aia: wires", &s.Lines),
		listField("aia: IMSIC", &s.IMSIC),
	}
}
