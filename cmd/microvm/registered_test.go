package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"linuxkvm/cmd/microvm/internal/ptytest"
	"linuxkvm/cmd/microvm/internal/registry"
	"linuxkvm/confine"
	"linuxkvm/internal/agent/server"
	"linuxkvm/internal/control"
	"linuxkvm/internal/testimage"
	"linuxkvm/internal/tinykernel"
)

// asMachine makes the test binary a process that others find as a machine. It is one
// but for the machine: the guest's agent runs in it.
const asMachine = "MICROVM_TEST_AS_MACHINE"

// Its values: how it does what stop asks for.
const (
	machineStops   = "stops"
	machineHangs   = "hangs"   // the guest does not shut down
	machineIgnores = "ignores" // nor does the process end when it is told to
	machineStarts  = "starts"  // the guest is not there yet
)

func machineMain(how string) int {
	err := runMachine(how, os.Args[1])
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func runMachine(how, name string) error {
	// nohup has this process ignore it, and a command that it starts could not trap it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	if how == machineIgnores {
		signal.Ignore(syscall.SIGTERM)
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	guest, err := net.Listen("unix", filepath.Join(dir, "guest"))
	if err != nil {
		return err
	}
	r, err := registry.Open()
	if err != nil {
		return err
	}
	i, err := r.Register(registry.State{
		Name: name, Agent: true, Started: time.Now(), CPUs: 1, Memory: 1 << 20, Image: "an image", Kernel: "/boot/vmlinuz",
		Command: []string{"a", "command\x1b"}, Env: []string{"FIRST=of the image", "SECOND=too"}, Dir: "/usr",
	})
	if err != nil {
		return err
	}
	s := &server.Server{Shutdown: func() {
		if how == machineStops {
			_ = os.RemoveAll(dir)
			_ = i.Close()
			os.Exit(0)
		}
	}}
	if how == machineStarts {
		fmt.Println("ready")
		time.Sleep(patience)
	}
	go func() {
		_ = control.Serve(i.Listener, func(ctx context.Context, _ uint32) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", guest.Addr().String())
		})
	}()
	fmt.Println("ready")
	return s.Serve(guest)
}

// startMachine starts such a process and returns when others find it.
func startMachine(t *testing.T, how, name string) (pid int, ended <-chan struct{}) {
	t.Helper()
	// Not t.TempDir, whose name may be too long for a socket's.
	temp, err := os.MkdirTemp("", "microvm-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	cmd := command(t, name)
	cmd.Env = append(os.Environ(), asMachine+"="+how, "TMPDIR="+temp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ends is the test's to say
		close(done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
	})
	return cmd.Process.Pid, done
}

// ownList gives a test a list of its own.
func ownList(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	return filepath.Join(dir, "microvm")
}

// checkNothingLeft looks for what a confined process has left of itself.
func checkNothingLeft(t *testing.T, dir string) {
	t.Helper()
	if confine.Available().Landlock == 0 {
		return // it may not remove anything: see ownDirectory
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(files) > 0 {
		t.Errorf("left %v, %v", files, err)
	}
}

func check(t *testing.T, got outcome, want status, stdout string, stderr ...string) {
	t.Helper()
	if got.status != int(want) || got.stdout != stdout {
		t.Errorf("status %d, %q; want %d, %q; standard error: %s", got.status, got.stdout, want, stdout, got.stderr)
	}
	for _, s := range stderr {
		if !strings.Contains(got.stderr, s) {
			t.Errorf("standard error does not say %q: %q", s, got.stderr)
		}
	}
}

// needShell skips a test whose guest, which is this system, has to have programs.
func needShell(t *testing.T) {
	t.Helper()
	for _, name := range []string{"sh", "stty", "sleep"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs %s, which a guest of the rig has not; go test runs this on any other system", name)
		}
	}
}

func TestPS(t *testing.T) {
	dir := ownList(t)
	check(t, finish(t, command(t, "ps", "-q")), statusOK, "")
	pid, ended := startMachine(t, machineStops, "web")
	got := finish(t, command(t, "ps"))
	for _, want := range []string{"ID ", "web", "an image", "a command?", "vmlinuz ", "1M", "s ago", strconv.Itoa(pid)} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("ps does not say %q:\n%s", want, got.stdout)
		}
	}
	got = finish(t, command(t, "ps", "--format", "json"))
	var s registry.State
	if err := json.Unmarshal([]byte(got.stdout), &s); err != nil || s.Name != "web" || s.PID != pid || s.Env != nil {
		t.Errorf("%q: %+v, %v", got.stdout, s, err)
	}
	check(t, finish(t, command(t, "ps", "-q")), statusOK, s.ID+"\n")
	check(t, finish(t, command(t, "__complete", "exec", "")), statusOK, "web\n:4\n")
	if got := finish(t, command(t, "ps", "--format", "xml")); got.status != int(statusUsage) || !strings.Contains(got.stderr, `"xml": want table or json`) {
		t.Errorf("%+v", got)
	}
	// What a killed one leaves is not shown, and removed.
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-ended
	if left, err := os.ReadDir(filepath.Join(dir, s.ID)); err != nil || len(left) != 3 {
		t.Errorf("left behind: %v, %v; want state, status and socket", left, err)
	}
	check(t, finish(t, command(t, "ps", "-q")), statusOK, "")
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("ps left %v, %v", left, err)
	}
}

func TestExec(t *testing.T) {
	ownList(t)
	needShell(t)
	startMachine(t, machineStops, "web")
	cmd := command(t, "exec", "-i", "-e", "SECOND=mine", "-e", "ASKED", "web", "--", "sh", "-c", `cat; pwd; echo "$FIRST $SECOND $ASKED"; echo bad >&2; exit 7`)
	cmd.Env = append(cmd.Env, "ASKED=for")
	cmd.Stdin = strings.NewReader("typed\n")
	check(t, finish(t, cmd), 7, "typed\n/usr\nof the image mine for\n", "bad\n")
	for _, c := range []struct {
		args   []string
		want   status
		stdout string
		stderr string
	}{
		{[]string{"exec", "-w", "/", "web", "pwd"}, 0, "/\n", ""},
		{[]string{"exec", "web", "echo", "-t", "--", "a"}, 0, "-t -- a\n", ""}, // the command's own flags
		{[]string{"exec", "web", "sh", "-c", "kill -TERM $$"}, 128 + 15, "", ""},
		{[]string{"exec", "web", "no-such-command"}, statusNotFound, "", "no-such-command"},
		{[]string{"exec", "web", "/usr"}, statusNotPossible, "", "permission denied"},
		{[]string{"exec", "-w", "/no/such/directory", "web", "pwd"}, statusNotFound, "", "no such file"},
		{[]string{"exec", "web2", "true"}, statusNotRun, "", `no machine "web2" is running: 'microvm ps'`},
		{[]string{"exec", "web"}, statusUsage, "", "no command to run in web"},
		{[]string{"exec"}, statusUsage, "", "'microvm ps' lists them"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			check(t, finish(t, command(t, c.args...)), c.want, c.stdout, c.stderr)
		})
	}
}

// Signals go to the command, and not to exec.
func TestExecSignals(t *testing.T) {
	ownList(t)
	needShell(t)
	startMachine(t, machineStops, "web")
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1} {
		t.Run(sig.String(), func(t *testing.T) {
			cmd := command(t, "exec", "web", "sh", "-c", fmt.Sprintf("trap 'echo got; exit 9' %d; echo ready; while :; do sleep 0.01; done", sig))
			var out transcript
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			out.waitFor(t, "ready\n")
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if status := wait(t, cmd); status != 9 || out.String() != "ready\ngot\n" {
				t.Errorf("status %d, %q", status, out.String())
			}
		})
	}
}

// A guest that does not come up holds nobody.
func TestExecInterrupted(t *testing.T) {
	ownList(t)
	_, ended := startMachine(t, machineStarts, "web")
	cmd := command(t, "exec", "web", "true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitSocket(t, cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, cmd); got != 128+int(syscall.SIGINT) {
		t.Errorf("status %d", got)
	}
	check(t, finish(t, command(t, "stop", "-t", "0", "web")), statusOK, "web\n")
	<-ended
}

// awaitSocket waits until a process has a socket: it is at its connection by then.
func awaitSocket(t *testing.T, pid int) {
	t.Helper()
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	for start := time.Now(); time.Since(start) < patience; time.Sleep(time.Millisecond) {
		files, _ := os.ReadDir(dir) // one that is gone has none
		for _, f := range files {
			if link, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && strings.HasPrefix(link, "socket:") {
				return
			}
		}
	}
	t.Fatal("it has no socket")
}

// On a terminal the command has one too, of the same size, also after a change.
func TestExecTerminal(t *testing.T) {
	ownList(t)
	needShell(t)
	startMachine(t, machineStops, "web")
	p := ptytest.Open(t)
	before := p.Settings(t)
	p.SetSize(t, 30, 90)
	cmd := onTerminal(t, p, "exec", "-it", "web", "sh", "-c", "trap 'stty size' WINCH; stty size; read line; exit 5")
	p.WaitFor(t, "30 90")
	p.SetSize(t, 31, 91)
	p.WaitFor(t, "31 91")
	p.Type(t, "x\r")
	if got := wait(t, cmd); got != 5 {
		t.Errorf("status %d", got)
	}
	p.WaitForSettings(t, before)
}

func TestStop(t *testing.T) {
	dir := ownList(t)
	_, first := startMachine(t, machineStops, "first")
	_, second := startMachine(t, machineStops, "second")
	check(t, finish(t, command(t, "stop", "second", "first")), statusOK, "second\nfirst\n")
	for _, ended := range []<-chan struct{}{first, second} {
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("it runs on")
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	check(t, finish(t, command(t, "stop", "first")), statusFailed, "", "first", "'microvm ps'")
	check(t, finish(t, command(t, "stop")), statusUsage, "", "'microvm ps'")
}

// A guest that does not shut down is ended after the deadline, and its process is killed
// if it does not want to end either.
func TestStopForces(t *testing.T) {
	ownList(t)
	_, ended := startMachine(t, machineHangs, "web")
	_, killed := startMachine(t, machineIgnores, "mad")
	startMachine(t, machineStops, "other")
	begin := time.Now()
	check(t, finish(t, command(t, "stop", "-t", "1", "web", "mad", "nobody")), statusFailed, "web\nmad\n", "nobody")
	for _, done := range []<-chan struct{}{ended, killed} {
		select {
		case <-done:
		case <-time.After(time.Second): // that it has ended is not yet known here
			t.Error("it runs on")
		}
	}
	if d := time.Since(begin); d < time.Second {
		t.Errorf("it got %v", d)
	}
	if got := finish(t, command(t, "ps")); strings.Contains(got.stdout, "web") || !strings.Contains(got.stdout, "other") {
		t.Errorf("%s", got.stdout)
	}
}

// A machine without a command is listed and stopped, and takes no commands; its process
// is confined.
func TestStopTinyKernel(t *testing.T) {
	needKVM(t)
	dir := ownList(t)
	cmd := command(t, "run", "--name", "tiny", "--kernel", tiny(t), "--memory", "8M")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out, said transcript
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.waitFor(t, tinykernel.Greeting)
	check(t, finish(t, command(t, "run", "--name", "tiny", "--kernel", tiny(t), "--memory", "8M")), statusFailed, "", "a machine named tiny is running already")
	if got := finish(t, command(t, "ps")); !strings.Contains(got.stdout, "tiny.elf") {
		t.Errorf("%s", got.stdout)
	}
	check(t, finish(t, command(t, "exec", "tiny", "true")), statusNotRun, "", "started without a command")
	check(t, finish(t, command(t, "stop", "tiny")), statusOK, "tiny\n")
	if got := wait(t, cmd); got != 128+int(syscall.SIGTERM) {
		t.Errorf("status %d: %s", got, said.String())
	}
	checkNothingLeft(t, dir)
	check(t, finish(t, command(t, "ps", "-q")), statusOK, "")
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// Nothing to list it in is no reason not to run, unless it is to be found.
func TestRunUnlisted(t *testing.T) {
	needKVM(t)
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(t.TempDir(), "not", "there"))
	cmd := command(t, "run", "--kernel", tiny(t), "--memory", "8M")
	cmd.Stdin = strings.NewReader(tinykernel.PowerOff)
	got := finish(t, cmd)
	if got.status != int(statusOK) || !strings.Contains(got.stderr, "will not find this machine") {
		t.Errorf("%+v", got)
	}
	got = finish(t, command(t, "run", "--name", "a", "--kernel", tiny(t), "--memory", "8M"))
	check(t, got, statusFailed, "", "--name a", "XDG_RUNTIME_DIR")
	got = finish(t, command(t, "run", "--name", "a b", "--kernel", tiny(t)))
	check(t, got, statusUsage, "", `--name: "a b" cannot be the name`)
}

func TestCommandText(t *testing.T) {
	for _, c := range []struct {
		args  []string
		whole bool
		want  string
	}{
		{nil, false, ""},
		{[]string{"a", "b\n\x1b[2J"}, false, "a b??[2J"},
		{[]string{strings.Repeat("é", 31)}, false, strings.Repeat("é", 29) + "…"},
		{[]string{strings.Repeat("é", 31)}, true, strings.Repeat("é", 31)},
	} {
		if got := commandText(c.args, c.whole); got != c.want {
			t.Errorf("%q: %q, want %q", c.args, got, c.want)
		}
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s ago", 59 * time.Second: "59 s ago", time.Minute: "1 min ago", 47 * time.Hour: "47 h ago", 49 * time.Hour: "2 days ago",
	} {
		if got := ago(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// A guest with a command is found, takes another command, and is stopped, while its
// process is confined.
func TestExecAndStopGuest(t *testing.T) {
	kernel := oneKernel(t)
	dir := ownList(t)
	layout := testimage.Layout(t, map[string][]byte{"bin/tool": testimage.Self(t)},
		v1.Config{Env: []string{"A=b"}, Entrypoint: []string{"tool", toolArg}, Cmd: []string{"by itself"}})
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	cmd := command(t, "run", "--name", "web", "--memory", "256M", "--kernel", kernel, "--modules", filepath.Join("/kernel-modules", filepath.Base(kernel)),
		"--image", layout, "-i")
	in, err := cmd.StdinPipe() // with which the command ends
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var said transcript
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); finish(t, command(t, "ps", "-q")).stdout == ""; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatal("it is not listed")
		}
	}
	// It waits until the guest is there.
	other := command(t, "exec", "-i", "-e", "B=c", "web", "tool", toolArg, "another")
	other.Stdin = strings.NewReader("typed")
	check(t, finish(t, other), 7, "b c typed", "another\n")
	check(t, finish(t, command(t, "exec", "web", "no-such")), statusNotFound, "", "no-such")
	check(t, finish(t, command(t, "stop", "-t", "60", "web")), statusOK, "web\n")
	if got := wait(t, cmd); got != 128+int(syscall.SIGTERM) {
		t.Errorf("status %d: %s", got, said.String())
	}
	checkNothingLeft(t, dir)
}
