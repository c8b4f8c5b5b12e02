package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// streams are the standard files of the process.
type streams struct {
	in       *os.File
	out, err io.Writer
}

// execute runs the command line and returns the exit status.
func execute(args []string, in *os.File, out, err io.Writer) status {
	root := newRoot(streams{in, out, err})
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(err)
	return report(err, root.Execute())
}

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "microvm",
		Short: "Run a Linux kernel in a small virtual machine",
		Long: "microvm runs a Linux kernel in a small virtual machine inside its own process,\n" +
			"with the kernel's KVM, and tells what this host's KVM offers.",
		Example:       "  microvm info\n  microvm run --kernel vmlinuz --initrd initrd.img --memory 1G --cpus 2",
		Args:          cobra.NoArgs,
		SilenceErrors: true, // report says it, once
		SilenceUsage:  true, // one sentence is enough
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newRun(s), newExec(s), newPS(s), newLogs(s), newStop(s), newWait(s), newTestExec(s), newInfo(s), newMan(), newVersion(s))
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if !cmd.Runnable() {
			// Otherwise cobra answers a wrong argument with help and status 0.
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	return root
}

// flagError words an error about a flag, and says where help is.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return fmt.Errorf("--%s: %w", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return fmt.Errorf("%w; '%s --help' lists the flags", err, cmd.CommandPath())
}
