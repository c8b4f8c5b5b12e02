// Command rig runs tests and programs on a real KVM, on any Linux machine: see
// the package linuxkvm/internal/rig.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/rig"
	"linuxkvm/internal/rig/suite"
)

const usage = `usage: rig <command> [flags]

  rig test [flags] packages... [-- test flags]   run packages' tests in the lanes
  rig run [flags] -- program args...             run a program in a lane
  rig fetch [flags]                              download and check what the lanes need
  rig lanes                                      list the lanes and what is cached
  rig kernel [-lane L] [-modules]                print the path of a lane's kernel

"rig <command> -h" lists the flags.
`

// Exit statuses besides those of programs that rig runs.
const (
	statusFailed = 1
	statusUsage  = 2
	// statusRig is for `rig run`, where 1 may be the program's.
	statusRig = 125
)

// status is an error that only carries an exit status.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func main() { os.Exit(realMain()) }

func realMain() int {
	commands := map[string]func(context.Context, []string) error{
		"test": testCommand, "run": runCommand, "fetch": fetchCommand,
		"lanes": lanesCommand, "kernel": kernelCommand,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprint(os.Stderr, usage)
		return statusUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	return exitStatus(commands[os.Args[1]](ctx, os.Args[2:]))
}

// exitStatus prints an error, with the guest's console if it is about a lane.
func exitStatus(err error) int {
	var code status
	var failure *rig.Failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, flag.ErrHelp):
		return statusUsage
	case errors.Is(err, suite.ErrFailed):
	case errors.As(err, &failure):
		fmt.Fprint(os.Stderr, failure.Report())
	default:
		message := strings.TrimPrefix(err.Error(), "rig: ")
		fmt.Fprintln(os.Stderr, "rig:", message)
	}
	return statusFailed
}
