package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRoundTrip(t *testing.T) {
	var b bytes.Buffer
	out := NewConn(nil, &b)
	if err := out.SendMessage(File, FileMessage{Name: "x", Size: 3}); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", MaxPayload+7)
	if n, err := io.WriteString(out.Writer(FileData), big); n != len(big) || err != nil {
		t.Fatal(n, err)
	}
	if err := out.Send(Stdin, nil); err != nil {
		t.Fatal(err)
	}
	in := NewConn(iotest.OneByteReader(&b), nil)
	want := []struct {
		kind Kind
		text string
	}{
		{File, `{"Name":"x","Size":3}`}, {FileData, big[:MaxPayload]}, {FileData, "xxxxxxx"}, {Stdin, ""},
	}
	for _, w := range want {
		kind, payload, err := in.Receive()
		if kind != w.kind || string(payload) != w.text || err != nil {
			t.Fatalf("kind %d, %d bytes, %v; want kind %d, %d bytes", kind, len(payload), err, w.kind, len(w.text))
		}
	}
	if _, _, err := in.Receive(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestReceiveDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"half a header":  {"\x01\x00", io.ErrUnexpectedEOF},
		"no payload":     {"\x01\x00\x00\x00\x02", io.ErrUnexpectedEOF},
		"half a payload": {"\x01\x00\x00\x00\x02x", io.ErrUnexpectedEOF},
	} {
		if _, _, err := NewConn(strings.NewReader(c.in), nil).Receive(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, _, err := NewConn(strings.NewReader("\x01\xff\xff\xff\xff"), nil).Receive(); err == nil {
		t.Error("a frame of 4 GiB: no error")
	}
}

func TestSendTooLarge(t *testing.T) {
	if err := NewConn(nil, io.Discard).Send(Stdin, make([]byte, MaxPayload+1)); err == nil {
		t.Error("no error")
	}
}
