package agent_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"linuxkvm/internal/agent"
	"linuxkvm/internal/agent/server"
)

// newAgent runs a server in this process, on a real socket and with real commands;
// what a guest adds is its being the first process.
func newAgent(t *testing.T) *agent.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &server.Server{Env: []string{"PATH=/usr/bin:/bin", "WHO=guest"}, Shutdown: func() { _ = l.Close() }}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &agent.Client{Dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
}

func command(t *testing.T, name string, args ...string) *agent.Cmd {
	t.Helper()
	return newAgent(t).Command(t.Context(), name, args...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOutput(t *testing.T) {
	out, err := command(t, "sh", "-c", "echo $WHO; pwd").Output()
	if err != nil || string(out) != "guest\n/\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestEnvAndDir(t *testing.T) {
	c := command(t, "/bin/sh", "-c", "echo $A; pwd")
	c.Env, c.Dir = []string{"A=b"}, "/usr"
	out, err := c.Output()
	if err != nil || string(out) != "b\n/usr\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestExitStatus(t *testing.T) {
	out, err := command(t, "sh", "-c", "echo out; echo bad >&2; exit 7").Output()
	var exit *agent.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 || string(exit.Stderr) != "bad\n" || string(out) != "out\n" {
		t.Errorf("%q, %#v", out, err)
	}
	err = command(t, "sh", "-c", "kill -TERM $$").Run()
	if !errors.As(err, &exit) || exit.Code != -1 || exit.Signal != syscall.SIGTERM {
		t.Errorf("%#v", err)
	}
}

func TestNoSuchCommand(t *testing.T) {
	for _, name := range []string{"no-such-command", "/no/such/command"} {
		err := command(t, name).Run()
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := command(t, "true")
	c.Dir = "/no/such/dir"
	if err := c.Run(); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A megabyte through standard input and back, and the end of the input arrives.
func TestStdin(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	c := command(t, "cat")
	c.Stdin = bytes.NewReader(data)
	out, err := c.Output()
	if err != nil || !bytes.Equal(out, data) {
		t.Errorf("%d bytes of %d, %v", len(out), len(data), err)
	}
}

// A command that does not read its input does not hold anybody up.
func TestStdinUnread(t *testing.T) {
	c := command(t, "true")
	c.Stdin = io.LimitReader(zeros{}, 1<<30)
	if err := c.Run(); err != nil {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestPipes(t *testing.T) {
	c := command(t, "sh", "-c", "read a; echo got $a; echo err >&2")
	in, err := c.StdinPipe()
	must(t, err)
	out, err := c.StdoutPipe()
	must(t, err)
	bad, err := c.StderrPipe()
	must(t, err)
	must(t, c.Start())
	if c.Pid() <= 0 {
		t.Errorf("pid %d", c.Pid())
	}
	_, err = io.WriteString(in, "this\n")
	must(t, err)
	got, err := io.ReadAll(out)
	must(t, err)
	gotBad, err := io.ReadAll(bad)
	must(t, err)
	if string(got) != "got this\n" || string(gotBad) != "err\n" {
		t.Errorf("%q, %q", got, gotBad)
	}
	must(t, c.Wait())
}

func TestCombinedOutput(t *testing.T) {
	out, err := command(t, "sh", "-c", "echo a; echo b >&2").CombinedOutput()
	if err != nil || len(out) != 4 {
		t.Errorf("%q, %v", out, err)
	}
}

func TestSignal(t *testing.T) {
	c := command(t, "sh", "-c", "trap 'echo term; exit 3' TERM; echo ready; while :; do sleep 0.01; done")
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	ready := make([]byte, 6)
	_, err = io.ReadFull(out, ready)
	must(t, err)
	must(t, c.Signal(syscall.SIGTERM))
	rest, err := io.ReadAll(out)
	must(t, err)
	var exit *agent.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.Code != 3 || !strings.HasPrefix(string(rest), "term") {
		t.Errorf("%q, %v", rest, err)
	}
	if err := c.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal after the end: %v", err)
	}
}

// The end of the context kills the command and all in its process group.
func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := newAgent(t).Command(ctx, "sh", "-c", "echo $$; sleep 1000 & wait")
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	var pid int
	_, err = fmt.Fscan(out, &pid)
	must(t, err)
	cancel()
	if err := c.Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for end := time.Now().Add(10 * time.Second); syscall.Kill(-pid, 0) != syscall.ESRCH; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the process group lives on")
		}
	}
}

// Those who are left behind with the output open are not waited for; what the
// command itself has written arrives, however slow its reader is.
func TestLeftBehind(t *testing.T) {
	c := command(t, "sh", "-c", "sleep 1000 & head -c 60000 /dev/zero; kill -0 $!; echo $! >&2")
	var bad bytes.Buffer
	c.Stderr = &bad
	slow := new(slowWriter)
	c.Stdout = slow
	must(t, c.Run())
	if slow.n != 60000 {
		t.Errorf("%d bytes of 60000", slow.n)
	}
	var pid int
	_, err := fmt.Sscan(bad.String(), &pid)
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGKILL))
}

type slowWriter struct{ n int }

func (w *slowWriter) Write(p []byte) (int, error) {
	time.Sleep(100 * time.Millisecond)
	w.n += len(p)
	return len(p), nil
}

func TestTerminal(t *testing.T) {
	c := command(t, "sh", "-c", "tty; stty size; read a; stty size; echo [$a]; exit 4")
	c.Terminal = &agent.Size{Rows: 24, Cols: 80}
	in, err := c.StdinPipe()
	must(t, err)
	var out bytes.Buffer
	c.Stdout = &out
	must(t, c.Start())
	time.Sleep(100 * time.Millisecond)
	must(t, c.Resize(agent.Size{Rows: 50, Cols: 132}))
	_, err = io.WriteString(in, "word\n")
	must(t, err)
	var exit *agent.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.Code != 4 {
		t.Error(err)
	}
	for _, want := range []string{"/dev/pts/", "24 80", "50 132", "[word]"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out.String())
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	client := newAgent(t)
	errs := make(chan error)
	const n = 50
	for i := range n {
		go func() {
			out, err := client.Command(t.Context(), "echo", fmt.Sprint(i)).Output()
			if err == nil && string(out) != fmt.Sprintln(i) {
				err = fmt.Errorf("%d: %q", i, out)
			}
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestMisuse(t *testing.T) {
	c := command(t, "true")
	if c.Wait() == nil || c.Signal(syscall.SIGINT) == nil {
		t.Error("a command that was not started can be waited for or signaled")
	}
	must(t, c.Run())
	if c.Start() == nil {
		t.Error("a command can be started twice")
	}
}

// Files go in and come out as they were.
func TestFiles(t *testing.T) {
	client := newAgent(t)
	dir := t.TempDir()
	var in bytes.Buffer
	w := tar.NewWriter(&in)
	for _, h := range []*tar.Header{
		{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "d/f", Typeflag: tar.TypeReg, Mode: 0o751, Size: 5},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "d/f"},
	} {
		must(t, w.WriteHeader(h))
		if h.Size > 0 {
			_, err := io.WriteString(w, "hello")
			must(t, err)
		}
	}
	must(t, w.Close())
	must(t, client.Unpack(t.Context(), dir+"/new", &in))
	if b, err := os.ReadFile(dir + "/new/link"); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	out, err := client.Pack(t.Context(), dir+"/new")
	must(t, err)
	defer out.Close()
	names := map[string]int64{}
	for r := tar.NewReader(out); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		names[h.Name] = h.Mode
	}
	if len(names) != 4 || names["d/f"] != 0o751 {
		t.Errorf("%v", names)
	}
	if _, err := client.Pack(t.Context(), dir+"/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// An archive does not write outside of its directory.
func TestUnpackEscape(t *testing.T) {
	client := newAgent(t)
	dir := t.TempDir()
	for _, headers := range [][]*tar.Header{
		{{Name: "../escaped", Typeflag: tar.TypeReg}},
		{{Name: "out", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "out/escaped", Typeflag: tar.TypeReg}},
	} {
		var in bytes.Buffer
		w := tar.NewWriter(&in)
		for _, h := range headers {
			must(t, w.WriteHeader(h))
		}
		must(t, w.Close())
		if err := client.Unpack(t.Context(), dir+"/below", &in); err == nil {
			t.Errorf("%s was written", headers[len(headers)-1].Name)
		}
		if _, err := os.Lstat(dir + "/escaped"); err == nil {
			t.Error("a file outside of the directory")
		}
	}
}

func TestPingAndShutdown(t *testing.T) {
	client := newAgent(t)
	must(t, client.Ping(t.Context()))
	must(t, client.Shutdown(t.Context()))
	for client.Ping(t.Context()) == nil {
		time.Sleep(time.Millisecond)
	}
}

func TestUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, as a guest's first process is")
	}
	for user, want := range map[string]string{"nobody": "65534", "65534:0": "65534", "12345": "12345", "daemon:daemon": "1"} {
		c := command(t, "id", "-u")
		c.User = user
		if out, err := c.Output(); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s: %q, %v", user, out, err)
		}
	}
	for _, user := range []string{"no-such-user", "daemon:no-such-group"} {
		c := command(t, "id", "-u")
		c.User = user
		if err := c.Run(); err == nil || !strings.Contains(err.Error(), "no-such") {
			t.Errorf("%s: %v", user, err)
		}
	}
}
