package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"linuxkvm/confine"
	"linuxkvm/image"
	"linuxkvm/internal/testimage"
	"linuxkvm/internal/tinykernel"
)

// TestProcessIsConfinedWhileTheGuestRuns asks the kernel what holds of each thread.
func TestProcessIsConfinedWhileTheGuestRuns(t *testing.T) {
	needKVM(t)
	lacks := confine.Available().Lacks()
	for _, c := range []struct {
		args      []string
		confined  bool
		complains bool // when the kernel lacks something
	}{
		{args: nil, confined: true},
		{args: []string{"--confine=require"}, confined: true, complains: true},
		{args: []string{"--confine=off"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			if c.complains && lacks != nil {
				t.Skip(errors.Join(lacks...))
			}
			cmd := command(t, append([]string{"run", "--kernel", tiny(t), "--memory", "8M", "--verbose"}, c.args...)...)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			var out, said transcript
			cmd.Stdout, cmd.Stderr = &out, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			out.waitFor(t, tinykernel.Greeting)
			checkThreads(t, cmd.Process.Pid, c.confined, confine.Available().Seccomp)
			if _, err := stdin.Write([]byte(tinykernel.PowerOff)); err != nil {
				t.Fatal(err)
			}
			if got := wait(t, cmd); got != int(statusOK) {
				t.Errorf("status %d; stderr:\n%s", got, said.String())
			}
			want := "not confined"
			if c.confined {
				want = "confined by no_new_privs"
			}
			if !strings.Contains(said.String(), "microvm: "+want) {
				t.Errorf("stderr does not say %q:\n%s", want, said.String())
			}
		})
	}
}

func checkThreads(t *testing.T, pid int, confined, filtered bool) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task/*/status"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no threads: %v", err)
	}
	privs, filter := "\nNoNewPrivs:\t0\n", "\nSeccomp:\t0\n"
	if confined {
		privs = "\nNoNewPrivs:\t1\n"
		if filtered {
			filter = "\nSeccomp:\t2\n"
		}
	}
	for _, name := range names {
		status, err := os.ReadFile(name)
		if err != nil {
			continue // this thread has ended
		}
		if !strings.Contains(string(status), privs) || !strings.Contains(string(status), filter) {
			t.Errorf("%s has not %q and %q:\n%s", name, privs, filter, status)
		}
	}
}

func TestConfineFlag(t *testing.T) {
	got := finish(t, command(t, "run", "--kernel", tiny(t), "--confine", "sometimes"))
	if got.status != int(statusUsage) || !strings.Contains(got.stderr, `--confine: "sometimes": want auto, require or off`) {
		t.Errorf("status %d, stderr %q", got.status, got.stderr)
	}
}

// TestImageIsGivenBackBeforeTheGuestRuns: an unpacked archive is a directory that a
// confined process could not remove.
func TestImageIsGivenBackBeforeTheGuestRuns(t *testing.T) {
	layout := testimage.Layout(t, map[string][]byte{"etc/text": []byte("text")}, v1.Config{})
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := errors.Join(w.AddFS(os.DirFS(layout)), w.Close()); err != nil {
		t.Fatal(err)
	}
	path := file(t, "image.tar", archive.Bytes())
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	img, err := image.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(temp); err != nil || len(list) == 0 {
		t.Fatalf("nothing is unpacked in %s: %v", temp, err)
	}
	f := runFlags{confine: confineFlags{mode: confineOff}}
	if err := f.ready(img, new(terminal), streams{err: io.Discard}); err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(temp); err != nil || len(list) != 0 {
		t.Errorf("left: %v, %v", list, err)
	}
}
