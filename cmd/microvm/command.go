package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"linuxkvm/image"
	"linuxkvm/linux"
)

// commandFlags are the flags of microvm run that are about a command.
type commandFlags struct {
	image       string
	root        string
	volumes     []string
	env         []string
	workdir     string
	user        string
	interactive bool
	terminal    bool
	disks       []string
}

// Statuses that container tools give for a command that did not run.
const (
	statusNotRun      status = 125 // microvm's own failure
	statusNotPossible status = 126 // there is such a file, and it cannot be run
	statusNotFound    status = 127
)

// notRun is an error before the command ran.
func notRun(err error) error { return &failure{statusNotRun, err} }

// endTime is how long a guest may take to end once its command has.
const endTime = 10 * time.Second

// runCommand runs a command in a guest made for it, and ends with its status.
func runCommand(f *runFlags, args []string, s streams) (err error) {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	cfg, img, err := f.guest(ctx, s.err)
	if err != nil {
		return notRun(err)
	}
	if img != nil {
		defer img.Close()
		if args, err = imageCommand(img.Config(), args); err != nil {
			return notRun(err)
		}
	}
	if len(args) == 0 {
		return notRun(errors.New("no command: give one behind --"))
	}
	warn(s.err)
	var terminal terminal
	defer onSignal(stop, func() { _ = terminal.restore() })()
	defer func() { _ = terminal.restore() }()
	var plan linux.Cmd
	plan.Args = args
	f.prepare(&plan, img, s)
	undo, err := f.register(f.commandState(&plan, img), s.err)
	if err != nil {
		return notRun(err)
	}
	defer func() { undo(err) }()
	cfg.Ready = func() error { return f.ready(img, &terminal, s) }
	vm, err := linux.Start(ctx, cfg)
	if err != nil {
		return stopped(ctx, notRun(f.explain(err)))
	}
	defer vm.Close()
	f.serveControl(vm)
	cmd := vm.Command(ctx, args[0], args[1:]...)
	f.prepare(cmd, img, f.outputs(s))
	if f.command.terminal {
		if err := terminal.makeRaw(s.in); err != nil {
			return notRun(err)
		}
		defer followSize(s.in, cmd)()
	}
	err = f.runToEnd(cmd)
	if restoreErr := terminal.restore(); err == nil {
		err = restoreErr
	}
	err = afterGuest(vm, err)
	shutdown(vm)
	return stopped(ctx, commandStatus(err))
}

// runToEnd runs the command, and says when it has been started.
func (f *runFlags) runToEnd(cmd *linux.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := f.started(); err != nil {
		return err
	}
	return cmd.Wait()
}

// shutdown ends the guest. The command is over: what goes wrong now changes nothing
// about it, and Close ends the machine in any case.
func shutdown(vm *linux.VM) {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	_ = vm.Shutdown(ctx)
}

// stopped is the status of a signal that ended it all, or else err.
func stopped(ctx context.Context, err error) error {
	var sig signalled
	if errors.As(context.Cause(ctx), &sig) {
		return ended(sig.status())
	}
	return err
}

// commandStatus is the status for the way in which the command ended.
func commandStatus(err error) error {
	var exit *linux.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.Signal != 0:
		return ended(statusSignal + status(exit.Signal))
	case errors.As(err, &exit):
		return ended(status(exit.Code))
	case errors.Is(err, fs.ErrNotExist):
		return &failure{statusNotFound, err}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC):
		return &failure{statusNotPossible, err}
	}
	return notRun(err)
}

// guest describes the guest that the flags ask for.
func (f *runFlags) guest(ctx context.Context, progress io.Writer) (linux.Config, *image.Image, error) {
	cfg := linux.Config{CPUs: int(f.cpus), Memory: uint64(f.memory), Cmdline: f.extraCmdline()}
	var err error
	if cfg.Kernel, err = f.guestKernel(); err != nil {
		return cfg, nil, err
	}
	if err = f.shares(&cfg); err != nil {
		return cfg, nil, err
	}
	if cfg.Network, err = f.network.network(); err != nil {
		return cfg, nil, err
	}
	img, err := f.openRoot(ctx, &cfg, progress)
	f.confine.readOnly, f.confine.readWrite = directories(&cfg)
	return cfg, img, err
}

// extraCmdline is what was given instead of the default.
func (f *runFlags) extraCmdline() string {
	if f.cmdline == defaultCmdline {
		return ""
	}
	return f.cmdline
}

// openContainerImage opens a file, or asks a registry.
func openContainerImage(ctx context.Context, name string) (*image.Image, error) {
	if _, err := os.Stat(name); err == nil {
		return image.Open(name)
	}
	return image.Pull(ctx, name)
}

// imageCommand is what to run of an image: its entry point, with the arguments given
// or those of the image.
func imageCommand(c image.Config, args []string) ([]string, error) {
	if len(args) == 0 {
		args = c.Cmd
	}
	args = append(append([]string(nil), c.Entrypoint...), args...)
	if len(args) == 0 {
		return nil, errors.New("no command, and the image names none: give one behind --")
	}
	return args, nil
}

// prepare sets a command's fields.
func (f *runFlags) prepare(cmd *linux.Cmd, img *image.Image, s streams) {
	cmd.Env = append([]string(nil), linux.DefaultEnv...)
	if img != nil {
		c := img.Config()
		cmd.Env = merge(cmd.Env, c.Env)
		cmd.Dir, cmd.User = c.WorkingDir, c.User
	}
	f.command.apply(cmd, s)
}

// merge sets variables over others of the same name.
func merge(env, more []string) []string {
	for _, v := range more {
		name, _, _ := strings.Cut(v, "=")
		out := env[:0:0]
		for _, old := range env {
			if !strings.HasPrefix(old, name+"=") {
				out = append(out, old)
			}
		}
		env = append(out, v)
	}
	return env
}

func terminalSize(f *os.File) *linux.Size {
	cols, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return &linux.Size{Rows: 24, Cols: 80}
	}
	return &linux.Size{Rows: uint16(rows), Cols: uint16(cols)}
}

// followSize keeps a command's terminal as large as ours.
func followSize(f *os.File, cmd *linux.Cmd) (stop func()) {
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGWINCH)
	go func() {
		for range changes {
			_ = cmd.Resize(*terminalSize(f)) // a command that has ended has no terminal
		}
	}()
	return func() {
		signal.Stop(changes)
		close(changes)
	}
}

// parseDisk reads FILE[:OPTION…], with the options ro, private and a directory where
// to mount it.
func parseDisk(text string) (linux.Disk, error) {
	path, options, _ := strings.Cut(text, ":")
	d := linux.Disk{Path: path}
	for option := range strings.SplitSeq(options, ":") {
		switch {
		case option == "":
		case option == "ro":
			d.ReadOnly = true
		case option == "private":
			d.Private = true
		case strings.HasPrefix(option, "/"):
			d.Mount = option
		default:
			return d, fmt.Errorf("--disk %s: %s is none of ro, private and a directory to mount it on", text, strconv.Quote(option))
		}
	}
	if path == "" {
		return d, fmt.Errorf("--disk %s: no file; want FILE[:ro][:private][:/DIRECTORY]", strconv.Quote(text))
	}
	return d, nil
}
