package device

// busTable is the devices of a bus by ascending address, without overlaps. A
// table that was published is never changed.
type busTable []busEntry

type busEntry struct {
	Range
	dev Device
}

// busSpan is the part of an access that one device answers, or that none does.
type busSpan struct {
	dev    Device // nil: nobody
	offset uint64
	n      int
}

// search returns the index of the first entry that does not end before addr.
func (t busTable) search(addr uint64) int {
	low, high := 0, len(t)
	for low < high {
		mid := int(uint(low+high) / 2)
		if t[mid].Last < addr {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// at returns the first span of an access of n > 0 bytes at addr, which must not
// run past the last address.
func (t busTable) at(addr uint64, n int) busSpan {
	i := t.search(addr)
	if i == len(t) {
		return busSpan{n: n}
	}
	if e := &t[i]; e.First <= addr {
		return busSpan{dev: e.dev, offset: addr - e.First, n: upTo(addr, e.Last, n)}
	}
	return busSpan{n: upTo(addr, t[i].First-1, n)}
}

// upTo returns how many of n bytes from addr on lie at or below last.
func upTo(addr, last uint64, n int) int {
	if room := last - addr; n > 0 && room < uint64(n-1) {
		return int(room) + 1
	}
	return n
}
