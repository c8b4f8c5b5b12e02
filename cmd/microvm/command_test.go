package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"linuxkvm/image"
	"linuxkvm/internal/testimage"
	"linuxkvm/linux"
)

// toolArg makes the test binary the one program of an image.
const toolArg = "guest-tool"

func toolMain(args []string) int {
	fmt.Print(os.Getenv("A"), " ", os.Getenv("B"), " ")
	if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
		return 1
	}
	fmt.Fprintln(os.Stderr, args[0])
	return 7
}

// TestCommand runs a command in a guest of its own, and ends as it does.
func TestCommand(t *testing.T) {
	kernel := linuxKernels(t)[0]
	dir := testimage.Layout(t, map[string][]byte{"bin/tool": testimage.Self(t), "etc/text": []byte("text")},
		v1.Config{Env: []string{"A=b"}, Entrypoint: []string{"tool", toolArg}, Cmd: []string{"by itself"}})
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	// One guest for all of it: a boot takes its time in the rig.
	cmd := command(t, "run", "--memory", "256M", "--kernel", kernel, "--modules", filepath.Join("/kernel-modules", filepath.Base(kernel)),
		"--image", dir, "-i", "-e", "B=c", "--", "as asked")
	cmd.Stdin = strings.NewReader("typed")
	got := finish(t, cmd)
	if got.status != 7 || got.stdout != "b c typed" || got.stderr != "as asked\n" {
		t.Errorf("status %d, %q; want 7, %q; standard error: %s", got.status, got.stdout, "b c typed", got.stderr)
	}
}

func TestImageCommand(t *testing.T) {
	c := image.Config{Entrypoint: []string{"a"}, Cmd: []string{"b"}}
	if got, err := imageCommand(c, nil); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := imageCommand(c, []string{"c"}); err != nil || !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := imageCommand(image.Config{}, nil); err == nil {
		t.Error("no command is one")
	}
}

func TestParseDisk(t *testing.T) {
	for text, want := range map[string]linux.Disk{
		"a":               {Path: "a"},
		"/a/b:ro":         {Path: "/a/b", ReadOnly: true},
		"a:private:/data": {Path: "a", Private: true, Mount: "/data"},
	} {
		if got, err := parseDisk(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":ro", "a:rw"} {
		if _, err := parseDisk(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestMerge(t *testing.T) {
	if got := merge([]string{"A=1", "B=2"}, []string{"A=3", "C=4"}); !slices.Equal(got, []string{"B=2", "A=3", "C=4"}) {
		t.Errorf("%q", got)
	}
}
