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
	switch args[0] {
	case "echo":
		fmt.Println(strings.Join(args[1:], " "), os.Getenv("A"))
	case "cat":
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			return 1
		}
	case "exit":
		fmt.Fprintln(os.Stderr, "as asked")
		return 7
	}
	return 0
}

// TestCommand runs commands, each in a guest of its own, and ends as they do.
func TestCommand(t *testing.T) {
	kernel := linuxKernels(t)[0]
	dir := testimage.Layout(t, map[string][]byte{"bin/tool": testimage.Self(t), "etc/text": []byte("text")},
		v1.Config{Env: []string{"A=b"}, Entrypoint: []string{"tool", toolArg}, Cmd: []string{"echo", "by itself"}})
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	run := func(stdin string, args ...string) outcome {
		t.Helper()
		cmd := command(t, append([]string{"run", "--memory", "256M", "--kernel", kernel,
			"--modules", filepath.Join("/kernel-modules", filepath.Base(kernel)), "--image", dir}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		return finish(t, cmd)
	}
	for name, c := range map[string]struct {
		stdin string
		args  []string
		want  status
		says  string
	}{
		"the image's own":  {"", nil, statusOK, "by itself b\n"},
		"standard input":   {"typed", []string{"-i", "--", "cat"}, statusOK, "typed"},
		"an exit status":   {"", []string{"--", "exit"}, 7, ""},
		"another variable": {"", []string{"-e", "A=c", "--", "echo", "x"}, statusOK, "x c\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got := run(c.stdin, c.args...)
			if got.status != int(c.want) || got.stdout != c.says {
				t.Errorf("status %d, %q; want %d, %q; standard error: %s", got.status, got.stdout, c.want, c.says, got.stderr)
			}
		})
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
