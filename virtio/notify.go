package virtio

// How each side spares the other notifications (sections 2.7.7 and 2.7.10).

// wait sleeps until there may be a chain.
func (q *Queue) wait() error {
	ready, err := q.Arm()
	if err != nil || ready {
		return err
	}
	if _, err := q.bell.Wait(); err != nil {
		return err
	}
	return q.Disarm()
}

// Arm asks the driver to ring the doorbell at the next chain; ready says that there
// is one already, for which it may not ring. It is for those who wait for several
// things at once; Next does it by itself.
func (q *Queue) Arm() (ready bool, err error) {
	if q.cfg.EventIdx {
		err = q.storeUsed(ringEntries+usedEntry*uint64(q.cfg.Size), q.next)
	} else if q.quiet {
		q.quiet = false
		err = q.storeUsed(ringFlags, 0)
	}
	if err != nil {
		return false, err
	}
	// Again, since the driver may have added one before it saw that.
	n, err := q.available()
	if err != nil {
		q.Break(err)
	}
	return n > 0, err
}

// Disarm asks the driver to ring no more until Arm.
func (q *Queue) Disarm() error {
	if q.cfg.EventIdx || q.quiet {
		return nil
	}
	q.quiet = true
	return q.storeUsed(ringFlags, noNotify)
}

// storeUsed writes a word of the used ring that is not the index.
func (q *Queue) storeUsed(offset uint64, v uint16) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped.Load() {
		return ErrStopped
	}
	if err := q.mem.StoreUint16(q.cfg.Used+offset, v); err != nil {
		err = broken("the used ring: %v", err)
		q.Break(err)
		return err
	}
	return nil
}

// wantsInterrupt says whether the driver wants to be told of one of the n chains that
// were given back last.
func (q *Queue) wantsInterrupt(n uint16) (bool, error) {
	if !q.cfg.EventIdx {
		flags, err := q.mem.LoadUint16(q.cfg.Avail + ringFlags)
		if err != nil {
			return false, broken("the available ring: %v", err)
		}
		return flags&noInterrupt == 0, nil
	}
	event, err := q.mem.LoadUint16(q.cfg.Avail + ringEntries + availEntry*uint64(q.cfg.Size))
	if err != nil {
		return false, broken("the available ring: %v", err)
	}
	return q.used-1-event < n, nil
}
