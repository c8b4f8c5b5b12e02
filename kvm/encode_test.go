package kvm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"linuxkvm/internal/foreign"
)

// Tests whose names start with TestEncode look at what would be sent to the kernel,
// and at what is refused before. They run for every architecture on any machine.
func TestEncodingsOfEveryArchitecture(t *testing.T) {
	for _, arch := range foreign.Archs {
		if arch != runtime.GOARCH {
			t.Run(arch, func(t *testing.T) { foreign.Test(t, arch, "^TestEncode", ".", "../uapi") })
		}
	}
}

// attrLog stands for what has attributes: it notes what is read and set, and
// answers with 1, 2, 3 and so on.
type attrLog struct {
	calls []attrCall
	errs  []error // of the next calls
}

type attrCall struct {
	set   bool
	group uint32
	attr  uint64
	value []byte
}

func (l *attrLog) note(set bool, group uint32, attr uint64, value []byte) error {
	l.calls = append(l.calls, attrCall{set, group, attr, bytes.Clone(value)})
	if !set {
		copy(value, attrAnswer(len(value)))
	}
	if len(l.errs) == 0 {
		return nil
	}
	err := l.errs[0]
	l.errs = l.errs[1:]
	return err
}

func attrAnswer(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + 1)
	}
	return b
}

func (l *attrLog) HasAttr(group uint32, attr uint64) (bool, error) { return true, nil }

func (l *attrLog) Attr(group uint32, attr uint64, value []byte) error {
	return l.note(false, group, attr, value)
}

func (l *attrLog) SetAttr(group uint32, attr uint64, value []byte) error {
	return l.note(true, group, attr, value)
}

// last is the one call that there was, which is forgotten.
func (l *attrLog) last(t *testing.T) attrCall {
	t.Helper()
	if len(l.calls) != 1 {
		t.Fatalf("%d calls, want one", len(l.calls))
	}
	c := l.calls[0]
	l.calls = nil
	return c
}

// sets checks what a call that sets an attribute asks for: value is nil for an
// order.
func (l *attrLog) sets(t *testing.T, err error, group uint32, attr uint64, value []byte) {
	t.Helper()
	must(t, err)
	c := l.last(t)
	if !c.set || c.group != group || c.attr != attr || !bytes.Equal(c.value, value) {
		t.Errorf("set %v, group %d, attribute %#x, value % x; want group %d, attribute %#x, value % x",
			c.set, c.group, c.attr, c.value, group, attr, value)
	}
}

// refuses checks that a call is refused, with these words, and asks for nothing.
func (l *attrLog) refuses(t *testing.T, err error, words ...string) {
	t.Helper()
	wantError(t, err, ErrInvalid, words...)
	if len(l.calls) != 0 {
		t.Errorf("refused after %d calls", len(l.calls))
		l.calls = nil
	}
}

// second is the error of a call with a value.
func second[T any](_ T, err error) error { return err }

func u16(v uint16) []byte { return binary.NativeEndian.AppendUint16(nil, v) }
func u32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

func TestEncodeErrorIsKept(t *testing.T) {
	var log attrLog
	log.errs = []error{errors.New("no")}
	if err := setAttr(&log, 1, 2, uint16(3)); err == nil {
		t.Error("an error was lost")
	}
	log.calls = nil
	log.sets(t, setAttr(&log, 1, 2, uint16(3)), 1, 2, u16(3))
}
