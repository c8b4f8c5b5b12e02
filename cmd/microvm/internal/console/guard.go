package console

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// GuardArg is the argument with which a program starts itself as the guard of
// its terminal; it then calls GuardMain and nothing else.
const GuardArg = "restore-terminal"

// guardPipe is the guard's descriptor of the pipe from the process it watches.
const guardPipe = 3

// guard is the process that restores the terminal when its parent is killed or
// panics in a goroutine that has no deferred call of ours. It knows from a pipe:
// the parent writes the settings, and then one byte when it has restored them
// itself. The end of the pipe without that byte is the parent's death.
type guard struct {
	cmd  *exec.Cmd
	pipe *os.File
}

func startGuard(tty *os.File, settings *unix.Termios) (*guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	g := &guard{pipe: w, cmd: &exec.Cmd{
		Path:       "/proc/self/exe",
		Args:       []string{os.Args[0], GuardArg},
		Dir:        "/",
		Stdin:      tty,
		ExtraFiles: []*os.File{r},
		// A session of its own: it outlives what is typed and sent to the
		// parent's, and may set a terminal that is not its own.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}}
	if err := g.cmd.Start(); err != nil {
		_ = w.Close()
		return nil, err
	}
	// The pipe holds it all, whether the guard reads it now or after our end.
	if err := binary.Write(w, binary.NativeEndian, settings); err != nil {
		g.dismiss()
		return nil, err
	}
	return g, nil
}

// dismiss ends the guard without effect and waits for it.
func (g *guard) dismiss() {
	// Neither can fail in a way that leaves something to do: a guard that is
	// gone is what is wanted.
	_, _ = g.pipe.Write([]byte{0})
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}

// GuardMain is the whole life of the guard: it waits for its parent's end and
// then restores the terminal that is its standard input.
func GuardMain() error {
	pipe := os.NewFile(guardPipe, "parent")
	if pipe == nil {
		return fmt.Errorf("%s is started by the program itself and of no use by hand", GuardArg)
	}
	return watch(pipe, os.Stdin)
}

func watch(pipe io.Reader, tty *os.File) error {
	var settings unix.Termios
	message, err := io.ReadAll(pipe)
	if err != nil {
		return err
	}
	size := binary.Size(settings)
	if len(message) != size {
		return nil // restored, or never made raw
	}
	if err := binary.Read(bytes.NewReader(message), binary.NativeEndian, &settings); err != nil {
		return err
	}
	return setTermios(tty, &settings)
}
