package agent

import (
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/rig/wire"
)

// pty is a pseudo terminal: we hold the master, the job has the slave.
type pty struct{ master, slave *os.File }

func openPTY(rows, cols uint16) (*pty, error) {
	master, err := os.OpenFile("/dev/pts/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	p := &pty{master: master}
	if err := p.openSlave(); err != nil {
		_ = master.Close()
		return nil, fmt.Errorf("pseudo terminal: %w", err)
	}
	if rows > 0 && cols > 0 {
		_ = p.resize(rows, cols)
	}
	return p, nil
}

func (p *pty) openSlave() error {
	fd := int(p.master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return err
	}
	p.slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	return err
}

func (p *pty) resize(rows, cols uint16) error {
	return unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
}

// startTTY starts the command with a terminal. Its output comes as Stdout.
func (j *job) startTTY(cmd *exec.Cmd) (wait func() error, err error) {
	p, err := openPTY(j.m.Rows, j.m.Cols)
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.slave, p.slave, p.slave
	cmd.SysProcAttr.Setctty = true
	err = cmd.Start()
	_ = p.slave.Close()
	if err != nil {
		_ = p.master.Close()
		return nil, err
	}
	j.pty.Store(p)
	if j.m.Stdin {
		// The master stays open at the end of input: a terminal has no such end.
		go j.feed(keepOpen{p.master})
	}
	output := make(chan error, 1)
	go func() {
		// It ends with EIO when the last process has closed the slave.
		_, err := io.Copy(j.conn.Writer(wire.Stdout), p.master)
		output <- err
	}()
	return func() error {
		err := cmd.Wait()
		waitOutput(output)
		_ = p.master.Close()
		return err
	}, nil
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }
