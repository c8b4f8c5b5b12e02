package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"linuxkvm/cmd/microvm/internal/registry"
	"linuxkvm/linux"
)

// register adds the flags that a command has, in a guest of its own or in another's.
func (f *commandFlags) register(flags *pflag.FlagSet) {
	flags.BoolVarP(&f.interactive, "interactive", "i", false, "pass standard input to the command")
	flags.BoolVarP(&f.terminal, "tty", "t", false, "run the command on a terminal")
	flags.StringArrayVarP(&f.env, "env", "e", nil, "environment `VARIABLE` of the command, as NAME=VALUE, or NAME for this one's")
	flags.StringVarP(&f.workdir, "workdir", "w", "", "working `DIRECTORY` of the command")
	flags.StringVarP(&f.user, "user", "u", "", "`USER` of the command, a name or number, with :group or without")
}

func newExec(s streams) *cobra.Command {
	var f commandFlags
	cmd := &cobra.Command{
		Use:   "exec [flags] NAME [--] COMMAND [ARGUMENT...]",
		Short: "Run a command in the guest of a running machine",
		Long: "exec runs a further command in the guest of a 'microvm run' with a command, and ends\n" +
			"with its exit status: 127 if there is no such command, 126 if it cannot be run, 125\n" +
			"if microvm itself failed, 128 and the number of the signal that ended it.\n" +
			"\n" +
			"A machine is named by its name, its id, or the beginning of its id. The command has\n" +
			"the environment, the directory and the user of the guest's first one, unless flags say\n" +
			"otherwise. SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are passed to it;\n" +
			"when exec is killed, so is the command.",
		Example: "  microvm run --name web --image nginx\n" +
			"  microvm exec -it web sh\n" +
			"  microvm exec web -- cat /proc/loadavg",
		Args: func(_ *cobra.Command, args []string) error {
			switch len(execArgs(args)) {
			case 0:
				return errors.New("in which machine? 'microvm ps' lists them")
			case 1:
				return fmt.Errorf("no command to run in %s: give one behind the name", args[0])
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return runningNames(cmd, args, word)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			args = execArgs(args)
			return execCommand(&f, args[0], args[1:], s)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.SetInterspersed(false) // what follows the name is the command's
	f.register(flags)
	return cmd
}

// execArgs are the arguments without the -- behind the name.
func execArgs(args []string) []string {
	if len(args) > 1 && args[1] == "--" {
		return append([]string{args[0]}, args[2:]...)
	}
	return args
}

// execCommand runs a command in another's guest, and ends with its status.
func execCommand(f *commandFlags, name string, args []string, s streams) error {
	e, err := running(name)
	if err != nil {
		return notRun(err)
	}
	if !e.Agent {
		return notRun(fmt.Errorf("%s: %w", name, errNoAgent))
	}
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	cmd := remote(e).Command(ctx, args[0], args[1:]...)
	f.prepareExec(cmd, e, s)
	var terminal terminal
	defer func() { _ = terminal.restore() }()
	if f.terminal {
		if err := terminal.makeRaw(s.in); err != nil {
			return notRun(err)
		}
		defer followSize(s.in, cmd)()
	}
	err = runForwarding(cmd, stop)
	if restoreErr := terminal.restore(); err == nil {
		err = restoreErr
	}
	if errors.Is(err, linux.ErrGone) {
		err = fmt.Errorf("%s has ended, and %s with it", name, args[0])
	}
	return stopped(ctx, commandStatus(err))
}

// prepareExec sets a command's fields: what the guest's first has, and the flags.
func (f *commandFlags) prepareExec(cmd *linux.Cmd, e *registry.Entry, s streams) {
	cmd.Env = merge(append([]string(nil), linux.DefaultEnv...), e.Env)
	cmd.Dir, cmd.User = e.Dir, e.User
	f.apply(cmd, s)
}

// apply sets the fields that flags are about.
func (f *commandFlags) apply(cmd *linux.Cmd, s streams) {
	if f.terminal {
		cmd.Env = merge(cmd.Env, []string{"TERM=" + os.Getenv("TERM")})
	}
	for _, v := range f.env {
		if !strings.Contains(v, "=") {
			v += "=" + os.Getenv(v)
		}
		cmd.Env = merge(cmd.Env, []string{v})
	}
	if f.workdir != "" {
		cmd.Dir = f.workdir
	}
	if f.user != "" {
		cmd.User = f.user
	}
	if f.interactive || f.terminal {
		cmd.Stdin = s.in
	}
	cmd.Stdout, cmd.Stderr = s.out, s.err
	if f.terminal {
		cmd.Terminal = terminalSize(s.in)
	}
}

// passedSignals are those that a command in a guest gets in our stead.
var passedSignals = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// runForwarding runs a command that gets the signals of this process. Before it runs they
// end the attempt.
func runForwarding(cmd *linux.Cmd, stop context.CancelCauseFunc) error {
	signals := make(chan os.Signal, len(passedSignals))
	signal.Notify(signals, passedSignals...)
	done := make(chan struct{})
	defer func() {
		signal.Stop(signals)
		close(done)
	}()
	go func() {
		for {
			select {
			case <-done:
				return
			case sig := <-signals:
				select {
				case <-cmd.Started():
					_ = cmd.Signal(sig) // a command that has ended does not mind
				default:
					stop(signalled{sig.(syscall.Signal)})
				}
			}
		}
	}()
	return cmd.Run()
}
