//go:build !amd64

package kvm

import (
	"encoding/binary"
	"testing"
)

// gets does what sets does, for a call that reads one, and that returns the answer.
func gets[T comparable](t *testing.T, l *attrLog, get func() (T, error), group uint32, attr uint64) {
	t.Helper()
	got, err := get()
	must(t, err)
	c := l.last(t)
	var want T
	copy(bytesOf(&want), attrAnswer(len(bytesOf(&want))))
	if c.set || c.group != group || c.attr != attr || len(c.value) != len(bytesOf(&want)) {
		t.Errorf("set %v, group %d, attribute %#x, %d bytes; want group %d, attribute %#x, %d bytes",
			c.set, c.group, c.attr, len(c.value), group, attr, len(bytesOf(&want)))
	}
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func u64(v uint64) []byte { return binary.NativeEndian.AppendUint64(nil, v) }
