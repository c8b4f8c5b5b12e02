package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"linuxkvm/cmd/microvm/internal/registry"
	"linuxkvm/confine"
	"linuxkvm/image"
	"linuxkvm/linux"
)

// nameFlags are the flags of microvm run that are about other commands' finding it.
type nameFlags struct {
	name string
	// instance is this process for others; nil where it could not be listed.
	instance *registry.Instance
}

// register lists this process for ps, exec and others. Without a directory to do it in, a
// machine that nobody has asked to find runs all the same. The returned function undoes
// it, and is to be told how this process ends.
func (f *runFlags) register(state registry.State, w io.Writer) (undo func(error), err error) {
	state.Detached = f.background != nil
	state.Name, state.Kernel, state.CPUs, state.Memory = f.named.name, f.kernel, int(f.cpus), uint64(f.memory)
	state.Started = time.Now()
	r, err := registry.Open()
	if err == nil {
		f.named.instance, err = r.Register(state)
	}
	switch {
	case err == nil:
		return func(how error) {
			i := f.named.instance
			if err := errors.Join(i.End(int(exitStatus(how))), i.Close()); err != nil {
				fmt.Fprintf(w, "microvm: %v\n", err)
			}
		}, nil
	case f.named.name != "":
		return nil, fmt.Errorf("--name %s: %w", f.named.name, err)
	case state.Detached:
		return nil, fmt.Errorf("--detach: %w", err)
	}
	fmt.Fprintf(w, "microvm: ps, exec, stop and wait will not find this machine: %v\n", err)
	return func(error) {}, nil
}

// commandState is what others learn about a command.
func (f *runFlags) commandState(cmd *linux.Cmd, img *image.Image) registry.State {
	s := registry.State{Command: cmd.Args, Agent: true, Env: cmd.Env, Dir: cmd.Dir, User: cmd.User}
	if img != nil {
		s.Image = f.command.image
	}
	return s
}

// serveControl lets others reach the guest, until the process is not listed any more.
func (f *runFlags) serveControl(vm *linux.VM) {
	if f.named.instance == nil {
		return
	}
	go func() { _ = vm.ServeControl(f.named.instance.Listener) }() // who does not get through hears of it
}

// ownDirectory is what a confined process may still change, to remove it at its end.
// Where the kernel cannot tell this directory from others it is left, and removed by
// whoever looks next.
func (f *runFlags) ownDirectory() []string {
	if f.named.instance == nil || confine.Available().Landlock == 0 {
		return nil
	}
	return []string{f.named.instance.Dir()}
}

// running finds a machine by its name.
func running(name string) (*registry.Entry, error) {
	r, err := registry.Open()
	if err != nil {
		return nil, err
	}
	return r.Find(name)
}

// remote is the guest of another process.
func remote(e *registry.Entry) *linux.Remote {
	return linux.NewRemote(func(context.Context) (net.Conn, error) { return e.Dial() })
}

// errNoAgent is of a machine that runs a kernel with an initial RAM disk of its own.
var errNoAgent = errors.New("it was started without a command, and its guest takes none: use its console")
