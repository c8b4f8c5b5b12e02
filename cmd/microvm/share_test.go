package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linuxkvm/internal/testimage"
	"linuxkvm/linux"
)

// shareArg makes the test binary a command that copies a file and tries to change it.
const shareArg = "guest-share"

func shareMain(args []string) int {
	b, err := os.ReadFile(args[0])
	for i, write := range []func() error{
		func() error { return err },
		func() error { return os.WriteFile(args[1], b, 0o644) },
		func() error { return os.WriteFile(args[0], nil, 0o644) },
	} {
		if err := write(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return i + 1
		}
	}
	return 0
}

// A command of the host runs in a guest of its own, and shares what it was given: with
// this process confined.
func TestHostCommand(t *testing.T) {
	kernel := oneKernel(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in, out := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(in, "text"), []byte("of the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	base := []string{"run", "--memory", "256M", "--kernel", kernel, "--modules", filepath.Join("/kernel-modules", filepath.Base(kernel))}

	// The host's own tree: what is changed in it stays in the guest.
	got := finish(t, command(t, append(base, "-v", out+":/made/here", "--",
		self, shareArg, filepath.Join(in, "text"), "/made/here/text")...))
	if got.status != 0 {
		t.Errorf("status %d; standard error: %s", got.status, got.stderr)
	}
	wantFile(t, filepath.Join(out, "text"), "of the host")
	wantFile(t, filepath.Join(in, "text"), "of the host")
	if _, err := os.Stat("/made"); err == nil {
		t.Error("the guest made a directory of the host")
	}

	// A directory that is written to, and one that is not.
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "tool"), testimage.Self(t), 0o755); err != nil {
		t.Fatal(err)
	}
	got = finish(t, command(t, append(base, "--root", root+":rw", "--volume", in+":/in:ro", "--",
		"/tool", shareArg, "/in/text", "/text")...))
	if got.status != 3 || !strings.Contains(got.stderr, "read-only") {
		t.Errorf("status %d, want 3; standard error: %s", got.status, got.stderr)
	}
	wantFile(t, filepath.Join(root, "text"), "of the host")
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != want {
		t.Errorf("%s: %q, %v, want %q", path, b, err, want)
	}
}

func TestParseVolume(t *testing.T) {
	for text, want := range map[string]linux.Volume{
		"/a:/b":     {Path: "/a", Mount: "/b"},
		"./a:/b:ro": {Path: "./a", Mount: "/b", ReadOnly: true},
		".:/b/c:rw": {Path: ".", Mount: "/b/c"},
	} {
		if got, err := parseVolume(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, say := range map[string]string{
		"": "no directory of the guest", "/a": "no directory of the guest", ":/b": "no directory of the host",
		"/a:b": "not absolute", "a:/b": "./a", "/a:/b:rx": "neither", "/a:/b:ro:z": "colons",
	} {
		if _, err := parseVolume(text); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v, want it to say %s", text, err, say)
		}
	}
}

func TestParseRoot(t *testing.T) {
	for text, want := range map[string]struct {
		path     string
		layer    bool
		readOnly bool
	}{
		"host": {"/", true, true}, "./host": {"./host", true, false}, "/a:rw": {"/a", false, false},
	} {
		got, err := parseRoot(text)
		if err != nil || got.Directory.Path != want.path || got.Layer != want.layer || got.Directory.ReadOnly != want.readOnly {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":rw", "/a:ro", "host:rw"} {
		if _, err := parseRoot(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// Only what comes behind -- runs on the host's tree: it may be a kernel's name else.
func TestChooseRoot(t *testing.T) {
	for _, c := range []struct {
		flags commandFlags
		args  []string
		dash  bool
		root  string
		say   string
	}{
		{args: []string{"uname"}, dash: true, root: hostRoot},
		{args: []string{"vmlinuz"}, say: "--kernel"},
		{flags: commandFlags{image: "debian"}, args: []string{"uname"}},
		{flags: commandFlags{root: "/a"}, args: []string{"uname"}, dash: true, root: "/a"},
		{flags: commandFlags{image: "debian", root: "/a"}, root: "/a", say: "--image debian"},
		{},
	} {
		f := runFlags{command: c.flags}
		err := f.chooseRoot(c.args, c.dash)
		if f.command.root != c.root || (err == nil) != (c.say == "") || err != nil && !strings.Contains(err.Error(), c.say) {
			t.Errorf("%+v, %q: %q, %v", c.flags, c.args, f.command.root, err)
		}
	}
}

// A confined process can open what the guest shares, and write to no more than that.
func TestDirectories(t *testing.T) {
	cfg := linux.Config{Root: linux.HostRoot(), Volumes: []linux.Volume{{Path: "/a"}, {Path: "/b", ReadOnly: true}}}
	ro, rw := directories(&cfg)
	if strings.Join(ro, " ") != "/b /" || strings.Join(rw, " ") != "/a" {
		t.Errorf("read-only %q, to be written %q", ro, rw)
	}
	cfg = linux.Config{Root: linux.Root{Directory: &linux.Volume{Path: "/c"}, Layer: true}}
	if ro, rw := directories(&cfg); len(ro) != 1 || len(rw) != 0 {
		t.Errorf("under a layer: read-only %q, to be written %q", ro, rw)
	}
}
