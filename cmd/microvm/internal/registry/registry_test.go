package registry

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func open(t *testing.T) *Registry {
	t.Helper()
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	r, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func register(t *testing.T, r *Registry, s State) *Instance {
	t.Helper()
	i, err := r.Register(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close() })
	return i
}

func list(t *testing.T, r *Registry) []*Entry {
	t.Helper()
	l, err := r.List()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRegister(t *testing.T) {
	r := open(t)
	now := time.Now()
	register(t, r, State{Name: "later", Started: now.Add(time.Second), Agent: true})
	first := register(t, r, State{Started: now, Command: []string{"a"}})
	l := list(t, r)
	if len(l) != 2 || l[0].Name != l[0].ID || l[0].Command[0] != "a" || l[1].Name != "later" || l[1].PID != os.Getpid() {
		t.Fatalf("%+v", l)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if l := list(t, r); len(l) != 1 || l[0].Name != "later" {
		t.Errorf("%+v", l)
	}
	for _, name := range []string{"later", l[1].ID} {
		if _, err := r.Register(State{Name: name}); err == nil || !strings.Contains(err.Error(), "running already") {
			t.Errorf("%s twice: %v", name, err)
		}
	}
	for _, name := range []string{"a b", "../a", ".a", "-a", strings.Repeat("a", 129)} {
		if _, err := r.Register(State{Name: name}); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
	if l := list(t, r); len(l) != 1 {
		t.Errorf("an attempt left something: %+v", l)
	}
}

// The directory is this user's alone, and so is what is in it.
func TestModes(t *testing.T) {
	r := open(t)
	i := register(t, r, State{Agent: true, Detached: true})
	for path, want := range map[string]os.FileMode{
		r.dir: 0o700 | os.ModeDir, i.Dir(): 0o700 | os.ModeDir, filepath.Join(i.Dir(), stateFile): 0o600,
		filepath.Join(i.Dir(), statusFile): 0o600, filepath.Join(i.Dir(), logFile): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	base := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", base)
	dir := filepath.Join(base, "microvm")
	for want, prepare := range map[string]func() error{
		"chmod 700":       func() error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o755)) },
		"is no directory": func() error { return os.Symlink(t.TempDir(), dir) },
		"no such file":    func() error { return os.Setenv("XDG_RUNTIME_DIR", filepath.Join(base, "not")) },
	} {
		if err := prepare(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
		_ = os.Remove(dir)
		t.Setenv("XDG_RUNTIME_DIR", base)
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", base)
	r, err := Open()
	if err != nil || filepath.Dir(r.dir) != base || !strings.HasPrefix(filepath.Base(r.dir), "microvm-") {
		t.Errorf("without XDG_RUNTIME_DIR: %+v, %v", r, err)
	}
}

// What is left of an ended process is removed, and nothing besides.
func TestStale(t *testing.T) {
	r := open(t)
	i := register(t, r, State{Name: "a", Agent: true, Detached: true})
	_ = i.lock.Close() // as the end of the process does
	if l := list(t, r); len(l) != 0 {
		t.Errorf("%+v", l)
	}
	if _, err := os.Stat(i.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory: %v", err)
	}
	register(t, r, State{Name: "a"}) // the name is free again

	other := filepath.Join(r.dir, "other")
	file := filepath.Join(other, "file")
	if err := errors.Join(os.Mkdir(other, 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if l := list(t, r); len(l) != 1 {
		t.Errorf("%+v", l)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("what is not ours: %v", err)
	}
}

func TestFind(t *testing.T) {
	all := []*Entry{{State: State{ID: "abc1", Name: "web"}}, {State: State{ID: "abc2", Name: "abc"}}, {State: State{ID: "b2", Name: "b2"}}}
	for name, want := range map[string]string{"web": "abc1", "abc": "abc2", "abc1": "abc1", "b": "b2", "b2": "b2"} {
		if e, err := find(all, name); err != nil || e.ID != want {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
	for name, want := range map[string]string{"ab": "2 ids", "c": "no machine", "": "no machine"} {
		if _, err := find(all, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", name, err, want)
		}
	}
}

// However long the path of the directory is: the address of a socket has 108 bytes.
func TestDial(t *testing.T) {
	base := filepath.Join(t.TempDir(), strings.Repeat("long", 50))
	if err := os.Mkdir(base, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", base)
	r, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	i := register(t, r, State{Agent: true})
	go func() {
		if conn, err := i.Listener.Accept(); err == nil {
			_, _ = io.WriteString(conn, "hello")
			_ = conn.Close()
		}
	}()
	conn, err := list(t, r)[0].Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if b, err := io.ReadAll(conn); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
}

// A process whose lock is gone is not signalled, whoever has its number.
func TestProcess(t *testing.T) {
	r := open(t)
	i := register(t, r, State{})
	e := list(t, r)[0]
	p, err := e.Process()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Signal(unix.Signal(0)); err != nil {
		t.Error(err)
	}
	if ended, err := p.Wait(10 * time.Millisecond); ended || err != nil {
		t.Errorf("%v, %v", ended, err)
	}
	_ = i.lock.Close()
	if _, err := e.Process(); !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
}

// Who serves the socket closes it when its guest has ended, which is before Close.
func TestCloseAfterTheListener(t *testing.T) {
	i := register(t, open(t), State{Agent: true})
	if err := i.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := i.Close(); err != nil {
		t.Error(err)
	}
}

// Who waits learns the status although it is removed by then, and so does who came when
// the process was about to end.
func TestEnding(t *testing.T) {
	r := open(t)
	i := register(t, r, State{})
	e := list(t, r)[0]
	early, err := e.Ending()
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	if ended, err := early.Wait(time.Millisecond); ended || err != nil {
		t.Errorf("%v, %v", ended, err)
	}
	if _, err := early.Status(); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if err := i.End(7); err != nil {
		t.Fatal(err)
	}
	_ = i.lock.Close() // which the end of the process does
	late, err := e.Ending()
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if ended, err := late.Wait(0); !ended || err != nil {
		t.Errorf("%v, %v", ended, err)
	}
	if err := i.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	for _, x := range []*Ending{early, late} {
		if status, err := x.Status(); status != 7 || err != nil {
			t.Error(status, err)
		}
	}
	if _, err := e.Ending(); !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
}

// Only a process in the background has a log, which goes with it.
func TestLog(t *testing.T) {
	r := open(t)
	if i := register(t, r, State{Name: "foreground"}); i.Log != nil {
		t.Error("it has a log")
	}
	i := register(t, r, State{Name: "background", Detached: true})
	if _, err := io.WriteString(i.Log, "said"); err != nil {
		t.Fatal(err)
	}
	e, err := r.Find("background")
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.OpenLog()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); string(b) != "said" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := e.OpenLog(); !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	if _, err := os.Stat(i.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}
