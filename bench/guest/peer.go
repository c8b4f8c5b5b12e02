//go:build linux && amd64

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/mdlayher/vsock"

	"linuxkvm/internal/agent"
	"linuxkvm/internal/agent/wire"
	"linuxkvm/internal/guestinit"
)

// peer is QEMU's microvm machine, with virtiofsd at its side. Its guest is ours: the
// same first process tells it when it takes commands, and runs them.
type peer struct {
	*scene
	command []string
}

func (p *peer) name() string { return "QEMU microvm" }

func (p *peer) roundTrip(ctx context.Context) (status int, err error) {
	q, err := p.start(ctx, false)
	if err != nil {
		return -1, err
	}
	err = q.agent.Command(ctx, guestTrivial).Run()
	var exit *agent.ExitError
	if errors.As(err, &exit) {
		status, err = exit.ExitCode(), nil
	}
	return status, errors.Join(err, q.end())
}

func (p *peer) work(ctx context.Context, args []string, idle func(pids []int) error) ([]byte, error) {
	q, err := p.start(ctx, true)
	if err != nil {
		return nil, err
	}
	cmd := q.agent.Command(ctx, guestWork, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, out := io.Pipe()
	report, answer := io.Pipe()
	cmd.Stdin, cmd.Stdout = in, answer
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, q.end())
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = answer.CloseWithError(io.EOF) // always nil
		ended <- err
	}()
	b, err := dialog(out, report, func() error { return idle(q.pids()) })
	if err = errors.Join(err, <-ended); err != nil {
		err = fmt.Errorf("%w; it said: %s", err, &said)
	}
	return b, errors.Join(err, q.end())
}

// bootTime bounds the peer's boot.
const bootTime = 2 * time.Minute

// guest is a running one of QEMU's.
type guest struct {
	dir          string
	qemu, daemon *exec.Cmd // no daemon where nothing is shared
	agent        agent.Client
}

// start returns when the guest takes commands.
func (p *peer) start(ctx context.Context, everything bool) (*guest, error) {
	l, err := vsock.Listen(guestinit.ReadyPort, nil)
	if err != nil {
		return nil, fmt.Errorf("vsock of the host: %w", err)
	}
	defer l.Close()
	dir, err := os.MkdirTemp("", "peer-")
	if err != nil {
		return nil, err
	}
	g := &guest{dir: dir}
	g.agent.Dial = func(context.Context) (net.Conn, error) { return vsock.Dial(peerCID, wire.Port, nil) }
	if err := p.spawn(ctx, g, everything); err != nil {
		return nil, errors.Join(err, g.end())
	}
	// It is killed with ctx; then nobody will connect.
	if err := l.SetDeadline(time.Now().Add(bootTime)); err != nil {
		return nil, errors.Join(err, g.end())
	}
	conn, err := l.Accept()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the guest is not ready: %w; %s", err, g.complaint()), g.end())
	}
	defer conn.Close()
	var ready guestinit.Ready
	if err := wire.Receive(conn, &ready); err != nil {
		return nil, errors.Join(err, g.end())
	}
	if len(ready.Problems) > 0 {
		return nil, errors.Join(fmt.Errorf("the guest has problems: %q", ready.Problems), g.end())
	}
	return g, nil
}

// spawn starts the processes.
func (p *peer) spawn(ctx context.Context, g *guest, everything bool) error {
	initrd, socket := filepath.Join(g.dir, "initrd"), filepath.Join(g.dir, "fs")
	if err := p.writeInitrd(initrd, everything); err != nil {
		return err
	}
	args := append(p.machine(initrd), p.devices()...)
	if everything {
		if err := p.startDaemon(ctx, g, socket); err != nil {
			return err
		}
		args = append(args, p.further(socket)...)
	}
	command := append(append([]string(nil), p.command...), args...)
	g.qemu = exec.CommandContext(ctx, command[0], command[1:]...)
	return g.launch(g.qemu)
}

// launch starts a process, whose output goes to a file.
func (g *guest) launch(cmd *exec.Cmd) error {
	said, err := os.OpenFile(filepath.Join(g.dir, "said"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	return cmd.Start()
}

// startDaemon returns when it can be connected to.
func (p *peer) startDaemon(ctx context.Context, g *guest, socket string) error {
	command := daemonCommand("--socket-path="+socket, "--shared-dir="+p.share, "--sandbox=none", "--seccomp=none", "--cache=auto")
	g.daemon = exec.CommandContext(ctx, command[0], command[1:]...)
	if err := g.launch(g.daemon); err != nil {
		return fmt.Errorf("virtiofsd: %w", err)
	}
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return nil
		}
		if time.Since(start) > time.Minute {
			return fmt.Errorf("virtiofsd makes no socket; %s", g.complaint())
		}
	}
}

func (g *guest) pids() []int {
	pids := []int{g.qemu.Process.Pid}
	if g.daemon != nil {
		pids = append(pids, g.daemon.Process.Pid)
	}
	return pids
}

// complaint is what the processes and the guest's console have said.
func (g *guest) complaint() string {
	// What is not there has said nothing.
	said, _ := os.ReadFile(filepath.Join(g.dir, "said"))
	console, _ := os.ReadFile(filepath.Join(g.dir, "console"))
	return fmt.Sprintf("it said %q, its console %q", said, console)
}

// end kills what there is, as our command does with a guest whose command has ended.
func (g *guest) end() error {
	for _, cmd := range []*exec.Cmd{g.qemu, g.daemon} {
		if cmd != nil && cmd.Process != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
		}
	}
	return os.RemoveAll(g.dir)
}
