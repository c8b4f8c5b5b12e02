package agent

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"linuxkvm/internal/rig/wire"
)

func TestFormatRecord(t *testing.T) {
	for in, want := range map[string]string{
		"6,339,5140900,-;kvm: ready\n SUBSYSTEM=x\n": "[    5.140900] kvm: ready",
		"4,1,99,c,caller=T1;text; with more\n":       "[    0.000099] text; with more",
		"no record":                                  "",
		"1,2;short":                                  "",
		"1,2,x,-;no":                                 "",
	} {
		got, ok := formatRecord(in)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"program": 0o755, "text": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=/nonesuch:" + dir}
	if got, err := lookPath("program", env); got != filepath.Join(dir, "program") || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := lookPath("/some/where", nil); got != "/some/where" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	for _, name := range []string{"text", "nonesuch"} {
		if _, err := lookPath(name, env); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSendFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("0123456789"), 300<<10)
	if err := os.WriteFile(filepath.Join(dir, "a/b/big"), big, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("big", filepath.Join(dir, "a/b/link")); err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	if err := sendFiles(wire.NewConn(nil, &stream), []string{filepath.Join(dir, "absent"), dir}); err != nil {
		t.Fatal(err)
	}
	in := wire.NewConn(&stream, nil)
	kind, _, err := in.Receive()
	if kind != wire.File || err != nil {
		t.Fatal(kind, err)
	}
	var got []byte
	for stream.Len() > 0 {
		kind, payload, err := in.Receive()
		if kind != wire.FileData || err != nil {
			t.Fatal(kind, err)
		}
		got = append(got, payload...)
	}
	if !bytes.Equal(got, big) {
		t.Errorf("%d bytes came, %d were there", len(got), len(big))
	}
}
