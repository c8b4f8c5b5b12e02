package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"linuxkvm/image"
	"linuxkvm/internal/testimage"
	"linuxkvm/linux"
)

// toolArg makes the test binary the one program of an image.
const toolArg = "guest-tool"

func toolMain(args []string) int {
	if args[0] == "panic" {
		fmt.Fprintln(os.Stderr, os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0))
		return 1
	}
	fmt.Print(os.Getenv("A"), " ", os.Getenv("B"), " ")
	if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
		return 1
	}
	if list := os.Getenv("REACH"); list != "" {
		for addr := range strings.SplitSeq(list, ",") {
			fmt.Println(addr, reach(addr))
		}
	}
	if port := os.Getenv("PORT"); port != "" {
		if err := serveOne(port); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	fmt.Fprintln(os.Stderr, args[0])
	return 7
}

// reach says what becomes of a connection.
func reach(addr string) string {
	conn, err := net.DialTimeout("tcp", addr, time.Minute)
	var name *net.DNSError
	switch {
	case err == nil:
		_ = conn.Close()
		return "reached"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.As(err, &name) && name.IsNotFound:
		return "unknown"
	}
	return err.Error()
}

// serveOne answers one connection.
func serveOne(port string) error {
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	_, err = io.WriteString(conn, "served by the guest")
	return errors.Join(err, conn.Close(), l.Close())
}

// askServer connects until it is answered, or the test ends.
func askServer(t *testing.T, addr string) (answer chan string) {
	answer = make(chan string, 1)
	go func() {
		for ; t.Context().Err() == nil; time.Sleep(100 * time.Millisecond) {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				continue // nobody listens yet
			}
			b, _ := io.ReadAll(conn) // nothing, where the guest does not listen yet
			_ = conn.Close()
			if len(b) > 0 {
				answer <- string(b)
				return
			}
		}
	}()
	return answer
}

// freeAddress is one that nobody listens on, as far as that can be known.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestCommand runs a command in a guest of its own, and ends as it does.
func TestCommand(t *testing.T) {
	kernel := linuxKernels(t)[0]
	dir := testimage.Layout(t, map[string][]byte{"bin/tool": testimage.Self(t), "etc/text": []byte("text")},
		v1.Config{Env: []string{"A=b"}, Entrypoint: []string{"tool", toolArg}, Cmd: []string{"by itself"}})
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	addr := freeAddress(t)
	// One guest for all of it: a boot takes its time in the rig.
	cmd := command(t, "run", "--memory", "256M", "--kernel", kernel, "--modules", filepath.Join("/kernel-modules", filepath.Base(kernel)),
		"--image", dir, "-i", "-e", "B=c", "-e", "PORT=7000", "--publish", addr+":7000", "--", "as asked")
	cmd.Stdin = strings.NewReader("typed")
	answer := askServer(t, addr)
	got := finish(t, cmd)
	if got.status != 7 || got.stdout != "b c typed" || got.stderr != "as asked\n" {
		t.Errorf("status %d, %q; want 7, %q; standard error: %s", got.status, got.stdout, "b c typed", got.stderr)
	}
	select {
	case text := <-answer:
		if text != "served by the guest" {
			t.Errorf("the published port answers %q", text)
		}
	default:
		t.Error("the published port did not answer")
	}
}

// The kernel under a command panics: microvm says so, and what the kernel has said.
func TestCommandLosesItsGuest(t *testing.T) {
	kernel := linuxKernels(t)[0]
	dir := testimage.Layout(t, map[string][]byte{"bin/tool": testimage.Self(t)}, v1.Config{Entrypoint: []string{"tool", toolArg}})
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	got := finish(t, command(t, "run", "--memory", "256M", "--kernel", kernel, "--modules", filepath.Join("/kernel-modules", filepath.Base(kernel)),
		"--image", dir, "--", "panic"))
	check(t, got, statusNotRun, "", "the guest ended before the command did (reset)", "Kernel panic")
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
