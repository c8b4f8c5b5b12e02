//go:build linux && amd64

package main

import (
	"bufio"
	"context"
	_ "embed" // the peer's source
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed c/peer.c
var peerSource string

// peer is a program that makes the same calls, running.
type peer struct {
	name string
	cmd  *exec.Cmd

	in, outFile *os.File
	out         *bufio.Reader
}

// startC compiles the C peer and starts it.
func startC(ctx context.Context, cpu, threads int) (*peer, error) {
	dir, err := os.MkdirTemp("", "bench-exits-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // it may go when the program is running
	program, err := buildC(ctx, dir)
	if err != nil {
		return nil, err
	}
	return startPeer(ctx, "C", program, cpu, threads)
}

func buildC(ctx context.Context, dir string) (program string, err error) {
	source, program := filepath.Join(dir, "peer.c"), filepath.Join(dir, "peer")
	if err := os.WriteFile(source, []byte(peerSource), 0o600); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "gcc", "-O2", "-Wall", "-pthread", "-o", program, source).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%w: install gcc and libc6-dev", err)
	}
	if err != nil {
		return "", fmt.Errorf("compile the peer: %w\n%s", err, out)
	}
	return program, nil
}

func startPeer(ctx context.Context, name, program string, cpu, threads int) (*peer, error) {
	p := &peer{name: name, cmd: exec.CommandContext(ctx, program, strconv.Itoa(cpu), strconv.Itoa(threads))}
	p.cmd.Stderr = os.Stderr
	if err := p.connect(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// connect starts the peer with a pipe each way. Ours block the thread, so that
// no other thread has to wake it.
func (p *peer) connect() error {
	childIn, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer childIn.Close()
	p.in = in
	out, childOut, err := os.Pipe()
	if err != nil {
		return err
	}
	defer childOut.Close()
	p.outFile, p.out = out, bufio.NewReader(out)
	in.Fd()
	out.Fd()
	p.cmd.Stdin, p.cmd.Stdout = childIn, childOut
	return p.cmd.Start()
}

// turn lets the peer make the calls of a row once.
func (p *peer) turn(r row) (time.Duration, error) {
	if _, err := fmt.Fprintf(p.in, "%s %d\n", r.name, r.calls); err != nil {
		return 0, fmt.Errorf("the peer in %s has ended: %w", p.name, err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("the peer in %s has ended: %w", p.name, err)
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the peer in %s says: %s", p.name, strings.TrimSpace(line))
	}
	return time.Duration(ns), nil
}

func (p *peer) close() {
	if p.in != nil {
		_ = p.in.Close()
	}
	if p.cmd != nil && p.cmd.Process != nil {
		_ = p.cmd.Wait()
	}
	if p.outFile != nil {
		_ = p.outFile.Close()
	}
}
