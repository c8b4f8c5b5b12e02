package kvm

import (
	"errors"
	"testing"

	"linuxkvm/memory"
)

// What the kernel uses is let go when it has something else, and not before.
func TestHoldings(t *testing.T) {
	var s holdings
	gone := map[string]int{}
	thing := func(name string) holding {
		return holding{what: name, release: func() { gone[name]++ }}
	}
	works := func() error { return nil }
	failure := errors.New("failure")
	fails := func() error { return failure }
	type key struct{}

	must(t, s.replace(key{}, thing("a"), false, works))
	must(t, s.replace(key{}, thing("b"), false, works)) // a goes
	wantError(t, s.replace(key{}, thing("c"), false, fails), failure)
	wantError(t, s.replace(key{}, thing("d"), true, fails), failure) // b and d stay
	must(t, s.join("list", thing("e"), works))
	must(t, s.join("list", thing("f"), works))
	wantError(t, s.join("list", thing("g"), fails), failure)
	wantError(t, s.leave("list", fails), failure)
	must(t, s.leave("list", works)) // e goes
	check := func(want ...string) {
		t.Helper()
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
			n := 0
			for _, w := range want {
				if w == name {
					n = 1
				}
			}
			if gone[name] != n {
				t.Errorf("%s was let go %d times, want %d", name, gone[name], n)
			}
		}
	}
	check("a", "c", "e", "g")
	var found []any
	s.each(key{}, func(what any) { found = append(found, what) })
	if len(found) != 2 {
		t.Errorf("held are %v, want b and d", found)
	}
	must(t, s.replace(key{}, holding{}, true, works)) // with nothing
	check("a", "b", "c", "d", "e", "g")
	s.releaseAll()
	s.releaseAll()
	check("a", "b", "c", "d", "e", "f", "g")
}

func TestMemoryRangePin(t *testing.T) {
	page := pageSize()
	r, err := memory.New(int(4 * page))
	must(t, err)
	op := opName("op")
	for name, m := range map[string]MemoryRange{
		"no region":        {},
		"offset at end":    {Region: r, Offset: 4 * page},
		"offset beyond":    {Region: r, Offset: 1 << 63},
		"size beyond":      {Region: r, Offset: page, Size: 4 * page},
		"size wraps":       {Region: r, Offset: page, Size: 1<<64 - 1},
		"offset alignment": {Region: r, Offset: 8, Size: page},
		"size alignment":   {Region: r, Size: 8},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := m.pin(op, page)
			wantError(t, err, ErrInvalid, "op")
		})
	}
	rest := MemoryRange{Region: r, Offset: page}
	addr, pin, err := rest.pin(op, page)
	must(t, err)
	if addr != uint64(r.Addr())+page || rest.Size != 3*page {
		t.Errorf("address %#x, size %#x", addr, rest.Size)
	}
	wantError(t, r.Close(), ErrInUse)
	pin.Release()
	must(t, r.Close())
	_, _, err = rest.pin(op, page)
	wantError(t, err, ErrClosed)
}
