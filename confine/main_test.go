package confine

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Confinement is for ever. So each test starts its own test binary as a child, which
// confines itself, does one thing, and says what came of it.
const childVariable = "CONFINE_TEST_CHILD"

func TestMain(m *testing.M) {
	if what, ok := os.LookupEnv(childVariable); ok {
		os.Exit(childMain(what))
	}
	os.Exit(m.Run())
}

// children are what a child can be, by name.
var children = map[string]func(scene) error{}

func childMain(what string) int {
	// A child that hangs says where.
	time.AfterFunc(time.Minute, func() { panic("hangs") })
	err := children[what](scene{os.Getenv(sceneVariable)})
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	return 0
}

// child returns the command that runs one.
func child(t *testing.T, what string, s scene, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(append(os.Environ(), childVariable+"="+what, sceneVariable+"="+s.dir), env...)
	// Otherwise the race detector waits for a second at the end of each of hundreds.
	cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0")
	cmd.Dir = s.dir
	return cmd
}

// works runs a child that has to succeed.
func works(t *testing.T, what string, s scene, env ...string) string {
	t.Helper()
	out, err := child(t, what, s, env...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, out)
	}
	return string(out)
}

// scene is a directory in which a child has files that it may read, files that it may
// write, and a secret.
type scene struct{ dir string }

const sceneVariable = "CONFINE_TEST_SCENE"

func newScene(t *testing.T) scene {
	t.Helper()
	s := scene{t.TempDir()}
	for _, dir := range []string{"ro", "rw", "rw/sub", "outside"} {
		if err := os.Mkdir(s.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"ro/file", "rw/file", "outside/secret"} {
		if err := os.WriteFile(s.path(file), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s scene) path(name string) string { return filepath.Join(s.dir, name) }

// config is what most children confine themselves with.
func (s scene) config() Config {
	return Config{ReadOnly: []string{s.path("ro")}, ReadWrite: []string{s.path("rw")}, Require: true}
}

// need skips a test of what the kernel lacks.
func need(t *testing.T) {
	t.Helper()
	lacks := Available().Lacks()
	switch {
	case lacks == nil:
	case os.Getenv("KVM_TEST_REQUIRE") == "1":
		t.Fatalf("KVM_TEST_REQUIRE=1, and %v", errors.Join(lacks...))
	default:
		t.Skip(errors.Join(lacks...))
	}
}

// thread is a thread of a child that does what it is told.
type thread struct {
	work chan func() error
	done chan error
}

func newThread() thread {
	t := thread{make(chan func() error), make(chan error)}
	ready := make(chan bool)
	go func() {
		runtime.LockOSThread()
		ready <- true
		for do := range t.work {
			t.done <- do()
		}
	}()
	<-ready
	return t
}

func (t thread) do(what func() error) error {
	t.work <- what
	return <-t.done
}

// say writes the outcome of an attempt, for outcomes to read.
func say(where string, err error) {
	var errno syscall.Errno
	switch {
	case err == nil:
		fmt.Printf("%s 0 done\n", where)
	case errors.As(err, &errno):
		fmt.Printf("%s %d %v\n", where, errno, err)
	default:
		fmt.Printf("%s -1 %v\n", where, err)
	}
}

type outcome struct {
	where string
	errno syscall.Errno // 0 when it was done, the highest number for an error without one
	text  string
}

func outcomes(t *testing.T, out string) []outcome {
	t.Helper()
	var list []outcome
	for s := bufio.NewScanner(strings.NewReader(out)); s.Scan(); {
		var o outcome
		var n int
		if _, err := fmt.Sscanf(s.Text(), "%s %d", &o.where, &n); err != nil {
			t.Fatalf("the child said %q", s.Text())
		}
		o.errno, o.text = syscall.Errno(n), s.Text()
		list = append(list, o)
	}
	return list
}
