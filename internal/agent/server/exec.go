package server

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"linuxkvm/internal/agent/wire"
)

// exec runs a command under the control of a connection.
func (s *Server) exec(conn net.Conn, hello wire.Hello) {
	defer conn.Close()
	c := s.command(hello.Token)
	defer s.forget(hello.Token)
	defer c.close()
	if hello.Exec == nil || len(hello.Exec.Args) == 0 {
		_ = wire.Send(conn, reply(errors.New("agent: no command"))) // a host that is gone does not hear it
		return
	}
	need := hello.Exec.Streams
	if hello.Exec.Terminal {
		need = [3]bool{true}
	}
	if err := c.take(need); err != nil {
		_ = wire.Send(conn, reply(err))
		return
	}
	p, err := s.start(c, hello.Exec)
	if err != nil {
		_ = wire.Send(conn, reply(err))
		return
	}
	_ = wire.Send(conn, wire.Reply{Started: p.pid})
	go p.obey(conn)
	exit := p.wait()
	_ = wire.Send(conn, wire.Reply{Exit: &exit})
}

// process is a command that runs.
type process struct {
	pid int
	end <-chan ended
	io  *stdio

	mu   sync.Mutex
	done bool // its number may be another's by now
}

// start makes the process of a command.
func (s *Server) start(c *command, e *wire.Exec) (*process, error) {
	if len(e.Env) == 0 {
		e.Env = s.Env
	}
	path, err := s.find(e)
	if err != nil {
		return nil, err
	}
	files, err := openStdio(c, e)
	if err != nil {
		return nil, err
	}
	dir := e.Dir
	if dir == "" {
		dir = "/"
	}
	attr := &syscall.ProcAttr{
		Dir: dir, Env: e.Env, Files: files.descriptors(),
		Sys: &syscall.SysProcAttr{Chroot: s.Root, Setsid: true, Setctty: e.Terminal},
	}
	if e.User != "" {
		if attr.Sys.Credential, err = credential(e.User); err != nil {
			files.closeChild()
			files.abandon()
			return nil, err
		}
	}
	pid, end, err := s.reaper.start(path, e.Args, attr)
	files.closeChild()
	if err != nil {
		files.abandon()
		return nil, &os.PathError{Op: "start", Path: e.Path, Err: err}
	}
	files.copy()
	return &process{pid: pid, end: end, io: files}, nil
}

// find looks a command up in PATH, as a path in the root.
func (s *Server) find(e *wire.Exec) (string, error) {
	if strings.Contains(e.Path, "/") {
		return e.Path, nil
	}
	for _, dir := range filepath.SplitList(lookup(e.Env, "PATH")) {
		path := filepath.Join("/", dir, e.Path)
		info, err := os.Stat(filepath.Join(s.Root, path))
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", &os.PathError{Op: "find in PATH", Path: e.Path, Err: syscall.ENOENT}
}

// lookup returns the value of a variable, the last one as the C library does not.
func lookup(env []string, name string) string {
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// obey does what the host says until it is gone, which ends the command.
func (p *process) obey(conn io.Reader) {
	for {
		var r wire.Request
		if err := wire.Receive(conn, &r); err != nil {
			p.signal(syscall.SIGKILL)
			return
		}
		if r.Size != nil {
			p.io.resize(*r.Size)
		}
		if r.Signal != 0 {
			p.signal(syscall.Signal(r.Signal))
		}
	}
}

// signal sends a signal to the command and to all in its session's process group.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done {
		// A process that has ended and was not waited for yet does not mind.
		_ = syscall.Kill(-p.pid, sig)
	}
}

// wait waits for the end and for the last output.
func (p *process) wait() wire.Exit {
	e := <-p.end
	p.mu.Lock()
	p.done = true
	p.mu.Unlock()
	p.io.finish()
	exit := wire.Exit{
		Code: e.status.ExitStatus(), Core: e.status.CoreDump(),
		UserTime: e.usage.Utime.Nano(), SystemTime: e.usage.Stime.Nano(),
	}
	if e.status.Signaled() {
		exit.Signal = int(e.status.Signal())
	}
	return exit
}
