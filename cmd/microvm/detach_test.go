package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"linuxkvm/cmd/microvm/internal/ptytest"
	"linuxkvm/cmd/microvm/internal/registry"
	"linuxkvm/confine"
	"linuxkvm/internal/testimage"
	"linuxkvm/internal/tinykernel"
)

// detached starts a machine in the background, which is killed at the end of the test if
// it is there by then.
func detached(t *testing.T, args ...string) *registry.Entry {
	t.Helper()
	// That it ends shows that nobody else has its standard output and error.
	got := finish(t, command(t, append([]string{"run", "-d"}, args...)...))
	if got.status != 0 || withoutWarning(got.stderr) != "" {
		t.Fatalf("status %d: %s", got.status, got.stderr)
	}
	id, isLine := strings.CutSuffix(got.stdout, "\n")
	e, err := running(id)
	if !isLine || err != nil || e.ID != id {
		t.Fatalf("%q is not the id of a machine: %v", got.stdout, err)
	}
	p, err := e.Process()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, waitErr := p.Wait(0)
		if err := errors.Join(waitErr, p.Signal(unix.SIGKILL), p.Close()); err != nil {
			t.Error(err)
		}
	})
	return e
}

// begin starts a command whose output is looked at.
func begin(t *testing.T, args ...string) (*exec.Cmd, *transcript) {
	t.Helper()
	cmd, out := command(t, args...), new(transcript)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// awaitFiles waits until a process has n files of a name open: it has got so far.
func awaitFiles(t *testing.T, pid int, name string, n int) {
	t.Helper()
	for start := time.Now(); time.Since(start) < patience; time.Sleep(time.Millisecond) {
		found := 0
		for _, link := range descriptors(pid) {
			if filepath.Base(link) == name {
				found++
			}
		}
		if found == n {
			return
		}
	}
	t.Fatalf("it has not %d files %s open", n, name)
}

// descriptors are what a process has open, by number.
func descriptors(pid int) map[string]string {
	open := map[string]string{}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, l := range links {
		if target, err := os.Readlink(l); err == nil {
			open[filepath.Base(l)] = target
		}
	}
	return open
}

// A machine goes on in the background, confined; it is listed, what it writes is read,
// its end is waited for, and nothing is left of it.
func TestDetach(t *testing.T) {
	needKVM(t)
	dir := ownList(t)
	e := detached(t, "--name", "tiny", "--kernel", tiny(t), "--memory", "8M")
	check(t, finish(t, command(t, "ps", "-q")), statusOK, e.ID+"\n")
	checkThreads(t, e.PID, true, confine.Available().Seccomp)
	if sid, err := unix.Getsid(e.PID); err != nil || sid != e.PID {
		t.Errorf("session %d, %v; want its own, %d", sid, err, e.PID)
	}
	open, log := descriptors(e.PID), filepath.Join(dir, e.ID, "log")
	if open["0"] != os.DevNull || open["1"] != log || open["2"] != log {
		t.Errorf("its standard files are %s, %s and %s", open["0"], open["1"], open["2"])
	}

	following, followed := begin(t, "logs", "-f", "tiny")
	waiting, waited := begin(t, "wait", "tiny")
	followed.waitFor(t, tinykernel.Greeting)
	awaitFiles(t, waiting.Process.Pid, "status", 1)
	check(t, finish(t, command(t, "logs", e.ID)), statusOK, tinykernel.Greeting)
	for _, c := range []string{"logs", "wait"} {
		check(t, finish(t, command(t, "__complete", c, "")), statusOK, "tiny\n:4\n")
	}
	check(t, finish(t, command(t, "exec", "tiny", "true")), statusNotRun, "", "started without a command")
	check(t, finish(t, command(t, "stop", "tiny")), statusOK, "tiny\n")
	if got := wait(t, following); got != 0 || followed.String() != tinykernel.Greeting {
		t.Errorf("status %d, %q", got, followed.String())
	}
	if got := wait(t, waiting); got != 0 || waited.String() != "143\n" {
		t.Errorf("status %d, %q", got, waited.String())
	}
	checkNothingLeft(t, dir)
	for _, c := range []string{"logs", "wait"} {
		check(t, finish(t, command(t, c, "tiny")), statusFailed, "", `no machine "tiny" is running`)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// What a start says and how it ends is the same in the background.
func TestDetachErrors(t *testing.T) {
	dir := ownList(t)
	for want, args := range map[status][]string{
		statusFailed: {"--kernel", "/no/such/kernel"},
		statusUsage:  {"--kernel", tiny(t), "--memory", "5K"},
		statusNotRun: {"--kernel", "/no/such/kernel", "--", "true"},
	} {
		foreground := finish(t, command(t, append([]string{"run"}, args...)...))
		got := finish(t, command(t, append([]string{"run", "--detach"}, args...)...))
		if got != foreground || got.status != int(want) || strings.Count(got.stderr, "microvm: ") != 1 {
			t.Errorf("%q: %+v, and in the foreground %+v; want status %d", args, got, foreground, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	for _, c := range []struct {
		flags string
		says  []string
	}{
		{"-di", []string{"--detach (-d) and --interactive (-i)"}},
		{"-dt", []string{"--detach (-d) and --tty (-t)"}},
		{"-dit", []string{"--detach (-d)", "--interactive (-i)", "--tty (-t)", "'microvm exec -it'"}},
	} {
		check(t, finish(t, command(t, "run", c.flags, "--", "true")), statusUsage, "", c.says...)
	}
	cmd := command(t, "run", "-d", "--", "true")
	cmd.Env = append(cmd.Env, detachedVariable+"=1")
	r, w, err := os.Pipe() // as it is in the rig
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	cmd.ExtraFiles = []*os.File{w}
	check(t, finish(t, cmd), statusUsage, "", "unset it")
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(t.TempDir(), "not", "there"))
	needKVM(t)
	check(t, finish(t, command(t, "run", "-d", "--kernel", tiny(t), "--memory", "8M")), statusFailed, "", "--detach: ", "XDG_RUNTIME_DIR")
}

// What fails when the machine is listed already takes that back.
func TestDetachedNameIsTaken(t *testing.T) {
	needKVM(t)
	ownList(t)
	e := detached(t, "--name", "tiny", "--kernel", tiny(t), "--memory", "8M")
	check(t, finish(t, command(t, "run", "-d", "--name", "tiny", "--kernel", tiny(t), "--memory", "8M")), statusFailed, "", "a machine named tiny is running already")
	check(t, finish(t, command(t, "run", "-d", "--kernel", file(t, "text", []byte("no kernel")), "--memory", "8M")), statusFailed, "", "microvm: ")
	check(t, finish(t, command(t, "ps", "-q")), statusOK, e.ID+"\n")
}

// The end of the terminal it was started on is not its end.
func TestDetachedOutlivesTheTerminal(t *testing.T) {
	needKVM(t)
	ownList(t)
	p := ptytest.Open(t)
	cmd := onTerminal(t, p, "run", "-d", "--name", "tiny", "--kernel", tiny(t), "--memory", "8M")
	if got := wait(t, cmd); got != 0 {
		t.Fatalf("status %d: %s", got, p.Screen())
	}
	p.Hangup()
	time.Sleep(50 * time.Millisecond) // what it was sent has arrived
	check(t, finish(t, command(t, "logs", "tiny")), statusOK, tinykernel.Greeting)
	check(t, finish(t, command(t, "stop", "tiny")), statusOK, "tiny\n")
}

// A signal during the start ends it, in the background too.
func TestDetachInterrupted(t *testing.T) {
	dir := ownList(t)
	slow := filepath.Join(t.TempDir(), "kernel")
	if err := unix.Mkfifo(slow, 0o600); err != nil { // to open it waits for who writes
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		cmd, out := begin(t, "run", "-d", "--kernel", slow)
		child := childOf(t, cmd.Process.Pid)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, cmd); got != 128+int(sig) || out.String() != "" {
			t.Errorf("%v: status %d, %q", sig, got, out.String())
		}
		if err := syscall.Kill(child, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%v: process %d: %v", sig, child, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// childOf waits until a process has a child.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	for start := time.Now(); time.Since(start) < patience; time.Sleep(time.Millisecond) {
		names, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, name := range names {
			stat, _ := os.ReadFile(name) // of one that has ended nothing
			_, fields, _ := cutLast(string(stat), ") ")
			var state string
			var parent int
			if _, err := fmt.Sscan(fields, &state, &parent); err == nil && parent == pid {
				child, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
				return child
			}
		}
	}
	t.Fatal("it has no child")
	return 0
}

// A machine that nobody was told of does not stay.
func TestDetachForegroundIsKilled(t *testing.T) {
	needKVM(t)
	dir := ownList(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	list, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	// The start waits for the lock of the list.
	if err := unix.Flock(int(list.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	cmd, _ := begin(t, "run", "-d", "--kernel", tiny(t), "--memory", "8M")
	child := childOf(t, cmd.Process.Pid)
	awaitFiles(t, child, filepath.Base(dir), 1)
	fd, err := unix.PidfdOpen(child, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Release() // Wait would wait for the child's standard error
	if err := unix.Flock(int(list.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
		if n == 1 {
			break
		}
		if err != nil && !errors.Is(err, unix.EINTR) || time.Since(start) > patience {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
			t.Fatalf("process %d goes on: %v", child, err)
		}
	}
	checkNothingLeft(t, dir)
}

// What the shell has open beside the standard files is not kept open.
func TestDetachedHasNoFilesOfOthers(t *testing.T) {
	needKVM(t)
	ownList(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := command(t, "run", "-d", "--name", "tiny", "--kernel", tiny(t), "--memory", "8M")
	cmd.ExtraFiles = []*os.File{w, w} // the first number is the one of its own pipe
	got := finish(t, cmd)
	if err := w.Close(); got.status != 0 || err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(r)
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the pipe is open in the background")
	}
	check(t, finish(t, command(t, "stop", "tiny")), statusOK, "tiny\n")
}

// Of machines in the foreground there are statuses and no logs, and of killed ones none
// of both.
func TestWait(t *testing.T) {
	needKVM(t)
	ownList(t)
	cmd := command(t, "run", "--name", "foreground", "--kernel", tiny(t), "--memory", "8M")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out transcript
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.waitFor(t, tinykernel.Greeting)
	killed := detached(t, "--name", "killed", "--kernel", tiny(t), "--memory", "8M")
	check(t, finish(t, command(t, "logs", "foreground")), statusFailed, "", "foreground has no log", "--detach")
	var said transcript
	waiting := command(t, "wait", "killed", "nobody", "foreground")
	var codes transcript
	waiting.Stdout, waiting.Stderr = &codes, &said
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	awaitFiles(t, waiting.Process.Pid, "status", 2)
	if err := syscall.Kill(killed.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, tinykernel.Reset); err != nil {
		t.Fatal(err)
	}
	got := wait(t, waiting)
	check(t, outcome{got, codes.String(), said.String()}, statusFailed, "10\n", "killed: it was ended before", `no machine "nobody"`)
	if got := wait(t, cmd); got != int(statusReset) {
		t.Errorf("status %d", got)
	}
	for _, args := range [][]string{{"wait"}, {"logs"}, {"logs", "a", "b"}} {
		if got := finish(t, command(t, args...)); got.status != int(statusUsage) {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// addresses gives the rig's host one in a private network and one in the internet, as a
// guest's network sees it, and returns a port of each that takes connections.
func addresses(t *testing.T) (private, public string) {
	t.Helper()
	if os.Getenv("KVM_TEST_LANE") == "" {
		return "", "" // other hosts keep what they have
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	listen := func(ip string) string {
		addr, err := netlink.ParseAddr(ip + "/32")
		if err == nil {
			err = netlink.AddrAdd(lo, addr)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = netlink.AddrDel(lo, addr) })
		l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l.Addr().String() // the kernel takes connections; nobody need do it
	}
	// Public by its number, and nobody's: what 6to4 relays had.
	return listen("10.99.0.1"), listen("192.88.99.9")
}

// checkReach asks in a guest what can be reached from there.
func checkReach(t *testing.T, name string, want ...string) {
	t.Helper()
	var list, lines []string
	for _, w := range want {
		if addr, _, _ := strings.Cut(w, " "); addr != "" {
			list, lines = append(list, addr), append(lines, w+"\n")
		}
	}
	got := finish(t, command(t, "exec", "-e", "PORT=", "-e", "REACH="+strings.Join(list, ","), name, "tool", toolArg, "asked"))
	check(t, got, 7, "b  "+strings.Join(lines, ""), "asked\n")
}

// A command in the background, in a guest of its own.
func TestDetachedGuest(t *testing.T) {
	kernel := oneKernel(t)
	dir := ownList(t)
	files := map[string][]byte{"bin/tool": testimage.Self(t)}
	layout := testimage.Layout(t, files, v1.Config{Env: []string{"A=b", "PORT=7000"}, Entrypoint: []string{"tool", toolArg}})
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	private, public := addresses(t)
	published := freeAddress(t)
	guest := func(image string, args ...string) []string {
		return append([]string{"--memory", "256M", "--kernel", kernel, "--modules", filepath.Join("/kernel-modules", filepath.Base(kernel)), "--image", image}, args...)
	}

	// One that ends by itself. It waits for a connection, which comes in although none
	// goes out, and although the process may make no sockets by then.
	e := detached(t, guest(layout, "--name", "job", "--egress", "none", "--publish", published+":7000", "--", "as asked")...)
	checkThreads(t, e.PID, true, confine.Available().Seccomp)
	following, followed := begin(t, "logs", "-f", "job")
	waiting, waited := begin(t, "wait", "job")
	followed.waitFor(t, "b  ")
	awaitFiles(t, waiting.Process.Pid, "status", 1)
	checkReach(t, "job", private+" refused", public+" refused", "linux.example:80 unknown")
	select {
	case text := <-askServer(t, published):
		if text != "served by the guest" {
			t.Errorf("the published port answers %q", text)
		}
	case <-time.After(patience):
		t.Fatal("the published port does not answer")
	}
	if got := wait(t, waiting); got != 0 || waited.String() != "7\n" {
		t.Errorf("wait: status %d, %q", got, waited.String())
	}
	if got := wait(t, following); got != 0 || followed.String() != "b  as asked\n" {
		t.Errorf("logs: status %d, %q", got, followed.String())
	}
	checkNothingLeft(t, dir)

	// One that is stopped.
	detached(t, guest(layout, "--name", "web", "--egress", "public", "--", "as asked")...)
	waiting, waited = begin(t, "wait", "web")
	awaitFiles(t, waiting.Process.Pid, "status", 1)
	if private != "" {
		checkReach(t, "web", private+" refused", public+" reached")
	}
	following, followed = begin(t, "logs", "-f", "web")
	followed.waitFor(t, "b  ")
	check(t, finish(t, command(t, "logs", "web")), statusOK, "b  ")
	check(t, finish(t, command(t, "stop", "-t", "60", "web")), statusOK, "web\n")
	if got := wait(t, waiting); got != 0 || waited.String() != "143\n" {
		t.Errorf("wait: status %d, %q", got, waited.String())
	}
	if got := wait(t, following); got != 0 || followed.String() != "b  " {
		t.Errorf("logs: status %d, %q", got, followed.String())
	}
	checkNothingLeft(t, dir)

	// One without such a command.
	got := finish(t, command(t, append([]string{"run", "-d"}, guest(testimage.Layout(t, files, v1.Config{}), "--", "no-such")...)...))
	check(t, got, statusNotFound, "", "no-such")
	checkNothingLeft(t, dir)
	check(t, finish(t, command(t, "ps", "-q")), statusOK, "")
}
