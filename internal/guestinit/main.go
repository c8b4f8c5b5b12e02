package guestinit

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mdlayher/vsock"
	"golang.org/x/sys/unix"

	"linuxkvm/internal/agent/server"
	"linuxkvm/internal/agent/wire"
)

// Hook runs the guest's first process if this is one, and then does not return.
// It does nothing in any other process.
func Hook() {
	if os.Getpid() != 1 {
		return
	}
	b, err := os.ReadFile(ConfigPath)
	if err != nil {
		return // the first process of something else, such as a container
	}
	err = run(b)
	fmt.Fprintf(os.Stderr, "%s%v\n", FatalPrefix, err)
	powerOff()
}

// run is the life of a guest. It returns only why it could not begin.
func run(config []byte) error {
	var c Config
	if err := json.Unmarshal(config, &c); err != nil {
		return fmt.Errorf("%s: %w", ConfigPath, err)
	}
	g := &guest{config: c}
	for _, step := range []func() error{
		g.mountKernel, g.loadModules, g.mountRoot, g.mountOthers, g.identify, g.network,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return g.serve()
}

// guest is the system while it comes up.
type guest struct {
	config   Config
	problems []string
}

// identify sets the name, the limits and the environment.
func (g *guest) identify() error {
	if g.config.Hostname != "" {
		if err := unix.Sethostname([]byte(g.config.Hostname)); err != nil {
			return fmt.Errorf("host name %q: %w", g.config.Hostname, err)
		}
	}
	g.problem("limit of open files", unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 16, Max: 1 << 20}))
	if path := lookup(g.config.Env, "PATH"); path != "" {
		g.problem("PATH", os.Setenv("PATH", path))
	}
	return nil
}

func lookup(env []string, name string) string {
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// problem notes what the guest can live with.
func (g *guest) problem(what string, err error) {
	if err != nil {
		g.problems = append(g.problems, fmt.Sprintf("%s: %v", what, err))
	}
}

// serve tells the host that the guest is ready and runs its commands, for ever.
func (g *guest) serve() error {
	l, err := vsock.Listen(wire.Port, nil)
	if err != nil {
		return fmt.Errorf("vsock: %w", err)
	}
	if err := g.ready(); err != nil {
		return err
	}
	var once sync.Once
	s := &server.Server{Env: g.config.Env, Shutdown: func() { once.Do(shutdown) }}
	if err := s.Serve(l); err != nil {
		return err
	}
	return errors.New("the agent has ended")
}

// ready tells the host. The connection is not needed any more.
func (g *guest) ready() error {
	conn, err := vsock.Dial(vsock.Host, ReadyPort, nil)
	if err != nil {
		return fmt.Errorf("the host does not listen on vsock port %d: %w", ReadyPort, err)
	}
	defer conn.Close()
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return err
	}
	return wire.Send(conn, Ready{Release: unix.ByteSliceToString(uts.Release[:]), Problems: g.problems})
}

// endTime is how long processes have between being asked to end and being made to.
const endTime = 2 * time.Second

// shutdown ends every process and the system.
func shutdown() {
	// Process -1 is all but this one. No process at all is no error here.
	_ = unix.Kill(-1, unix.SIGTERM)
	for end := time.Now().Add(endTime); time.Now().Before(end) && others(); {
		time.Sleep(5 * time.Millisecond)
	}
	_ = unix.Kill(-1, unix.SIGKILL)
	powerOff()
}

// others reports whether there is any other process with a program.
func others() bool { return unix.Kill(-1, 0) == nil }

// powerOff writes what is not yet on the disks and switches off.
func powerOff() {
	unix.Sync()
	unmountAll()
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	fmt.Fprintf(os.Stderr, "%spower off: %v\n", FatalPrefix, err)
	select {} // to leave would be a panic
}
