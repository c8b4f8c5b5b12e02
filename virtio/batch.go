package virtio

// ReleaseAll releases chains of one queue, of which each has as many bytes written as
// written says, so that the driver sees all of them or none: what a packet in several
// buffers needs. It is Chain.Release otherwise.
func ReleaseAll(chains []*Chain, written []int) error {
	if len(chains) == 0 {
		return nil
	}
	q := chains[0].queue
	for _, c := range chains {
		if c.released || c.queue != q {
			return errReleased
		}
		c.released = true
	}
	wanted, err := q.putAll(chains, written)
	for _, c := range chains {
		q.recycle(c)
	}
	return q.pushed(wanted, err)
}

func (q *Queue) putAll(chains []*Chain, written []int) (interrupt bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, c := range chains {
		n := min(uint64(written[i]), c.Writable.size)
		if err := q.putUsed(i, c.head, uint32(n)); err != nil {
			return false, err
		}
	}
	return q.publish(len(chains))
}
