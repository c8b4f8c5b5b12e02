package confine

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// attempt is a way out. do has another outcome where nothing confines it, be it that
// the kernel finds fault with its arguments.
type attempt struct {
	name    string
	network Network
	do      func(scene) error
	// version is the Landlock that refuses it, 0 for any.
	version int
}

const (
	attemptVariable = "CONFINE_TEST_ATTEMPT"
	freeVariable    = "CONFINE_TEST_FREE" // the control: nothing is confined
)

// refusals are what a confined process is told.
var refusals = []syscall.Errno{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EXDEV}

func init() { children["attempt"] = attemptChild }

// attemptChild makes one attempt on a thread that was there before, on one that was
// not, and where Process was called.
func attemptChild(s scene) error {
	i := slices.IndexFunc(attempts, func(a attempt) bool { return a.name == os.Getenv(attemptVariable) })
	a := attempts[i]
	prepare(s)
	old := newThread()
	if os.Getenv(freeVariable) == "" {
		cfg := s.config()
		cfg.Network = a.network
		if _, err := Process(cfg); err != nil {
			return err
		}
	}
	do := func() error { return a.do(s) }
	say("old-thread", old.do(do))
	say("new-thread", newThread().do(do))
	say("caller", do())
	return nil
}

// TestBreakOut makes each attempt twice: confined, and as a control free, where it has
// to get further, or the attempt is none.
func TestBreakOut(t *testing.T) {
	need(t)
	version := Available().Landlock
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			if version < a.version {
				t.Skipf("Landlock's version is %d, and %d is the first that refuses this: a newer kernel has it, as in the rig", version, a.version)
			}
			env := attemptVariable + "=" + a.name
			free := outcomes(t, works(t, "attempt", newScene(t), env, freeVariable+"=1"))
			list := outcomes(t, works(t, "attempt", newScene(t), env))
			if len(list) != 3 || len(free) != 3 {
				t.Fatalf("outcomes: %v and free %v, want one for each of three threads", list, free)
			}
			for i, o := range list {
				switch {
				case !slices.Contains(refusals, o.errno):
					t.Errorf("got out: %s", o.text)
				case o.errno != free[i].errno:
				case os.Getuid() == 0:
					t.Errorf("this attempt shows nothing: free and confined have the same outcome, %s", o.text)
				default:
					t.Logf("refused to this user in any case: %s", o.text)
				}
			}
		})
	}
}
