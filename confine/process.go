package confine

import (
	"errors"
	"fmt"
	"sync"
	"time"

	landlock "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

var (
	confining sync.Mutex
	confined  bool
)

// Process confines the process that calls it, with all its threads, for the rest of
// its life, and says by what means. Where the kernel lacks one it does with the other,
// unless cfg.Require is set. It may be called once: the next returns ErrConfined.
//
// When it fails because of cfg nothing has changed. When the kernel fails, which it
// has no reason to, the Means say what holds by then.
func Process(cfg Config) (Means, error) {
	confining.Lock()
	defer confining.Unlock()
	if confined {
		return Means{}, ErrConfined
	}
	if err := cfg.check(); err != nil {
		return Means{}, err
	}
	places, err := cfg.places()
	if err != nil {
		return Means{}, err
	}
	available := Available()
	if cfg.Require && len(available.lacks) > 0 {
		return Means{}, fmt.Errorf("confine: %w", errors.Join(available.lacks...))
	}
	confined = true
	return available.apply(&cfg, places)
}

// apply confines the process. Landlock comes before seccomp, which keeps from
// changing anything afterwards.
func (m Means) apply(cfg *Config, places []place) (Means, error) {
	done := Means{lacks: m.lacks}
	loadTimeZone()
	if err := landlock.AllThreadsPrctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return done, fmt.Errorf("confine: no_new_privs: %w", err)
	}
	if m.Landlock > 0 {
		if err := restrictFiles(m.Landlock, places, cfg.Network); err != nil {
			return done, fmt.Errorf("confine: landlock: %w", err)
		}
		done.Landlock = m.Landlock
	}
	if m.Seccomp {
		if err := installFilter(cfg.policy(places).program()); err != nil {
			return done, fmt.Errorf("confine: seccomp: %w", err)
		}
		done.Seccomp = true
	}
	return done, nil
}

// loadTimeZone has package time read its file, which it otherwise does when the first
// time is printed, and then finds none: all times would be UTC's.
func loadTimeZone() { _ = time.Local.String() }
