package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"linuxkvm/cmd/microvm/internal/logfile"
	"linuxkvm/cmd/microvm/internal/registry"
)

// followTime is how long a new line may wait for being printed.
const followTime = 50 * time.Millisecond

func newLogs(s streams) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs [flags] NAME",
		Short: "Print what a machine in the background has written",
		Long: "logs prints what the command of a 'microvm run --detach' has written so far, to standard\n" +
			fmt.Sprintf("output and to standard error: the last %d MiB. Of a machine that boots a kernel it is what\n", logfile.Kept>>20) +
			"the guest has written to its first serial port.\n" +
			"\n" +
			"The log is gone when the machine has ended. With --follow logs goes on until then, and\n" +
			"prints all of it. A machine is named by its name, its id, or the beginning of its id.",
		Example: "  microvm logs web\n  microvm logs -f $(microvm run -d --image nginx)",
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return errors.New("of which machine? 'microvm ps' lists them")
			case 1:
				return nil
			}
			return fmt.Errorf("logs prints those of one machine, and not of %d", len(args))
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return runningNames(cmd, args, word)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := logs(args[0], follow, s.out); err != nil {
				return failed(err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the machine has ended")
	return cmd
}

func logs(name string, follow bool, w io.Writer) error {
	e, err := running(name)
	if err != nil {
		return err
	}
	if !e.Detached {
		return fmt.Errorf("%s has no log: it was started without --detach, and writes to where that was", name)
	}
	f, err := e.OpenLog()
	if err != nil {
		return about(name, err)
	}
	defer f.Close()
	if !follow {
		_, err := io.Copy(w, logfile.NewReader(f))
		return err
	}
	end, err := e.Ending()
	if err != nil {
		return about(name, err)
	}
	defer end.Close()
	return followLog(w, logfile.NewReader(f), end)
}

// followLog prints what there is, and at the end what there is by then.
func followLog(w io.Writer, log io.Reader, end *registry.Ending) error {
	for wait := time.Duration(0); ; wait = followTime {
		ended, err := end.Wait(wait)
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, log); ended || err != nil {
			return err
		}
	}
}

// about words the error of a machine that has just ended.
func about(name string, err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s has ended", name)
	}
	return fmt.Errorf("%s: %w", name, err)
}
