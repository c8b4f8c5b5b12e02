package virtio

// MaxChain is the largest number of descriptors that a chain may have, those of an
// indirect table included.
const MaxChain = 1024

// maxBytes bounds the bytes of a chain (section 2.7.4.1 forbids more).
const maxBytes = 1 << 32

// walk follows the chain that starts at descriptor head and adds its segments to c.
// It ends after MaxChain descriptors whatever the guest writes in the meantime.
func (c *Chain) walk(mem Memory, own table, head uint16) error {
	t, i := own, head
	for range MaxChain {
		d, err := t.read(mem, i, &c.desc)
		if err != nil {
			return err
		}
		if d.flags&descIndirect != 0 {
			if t, err = c.enter(own, t, d); err != nil {
				return err
			}
			i = 0
			continue
		}
		if err := c.add(d); err != nil {
			return err
		}
		if d.flags&descNext == 0 {
			return nil
		}
		i = d.next
	}
	return broken("a chain of more than %d descriptors", MaxChain)
}

// enter goes from the descriptor d of table t into the indirect table that it
// refers to. There is one at most.
func (c *Chain) enter(own, t table, d desc) (table, error) {
	if !c.indirect {
		return table{}, broken("an indirect descriptor, which was not negotiated")
	}
	if t != own {
		return table{}, broken("an indirect descriptor in an indirect table")
	}
	return d.indirect()
}

// add appends a segment. All that the device reads comes before what it writes.
func (c *Chain) add(d desc) error {
	s := segment{d.addr, uint64(d.size)}
	if c.Readable.size+c.Writable.size+s.size > maxBytes {
		return broken("a chain of more than %d bytes", uint64(maxBytes))
	}
	if d.flags&descWrite != 0 {
		c.Writable.add(s)
		return nil
	}
	if len(c.Writable.segments) != 0 {
		return broken("a descriptor to read after one to write")
	}
	c.Readable.add(s)
	return nil
}
