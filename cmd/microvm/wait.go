package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"linuxkvm/cmd/microvm/internal/registry"
)

func newWait(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "wait [flags] NAME...",
		Short: "Wait until machines have ended, and print their exit statuses",
		Long: "wait waits until machines have ended, and prints the exit status of each one's\n" +
			"'microvm run', in the order of the names, on a line each. A machine is named by its name,\n" +
			"its id, or the beginning of its id.\n" +
			"\n" +
			"Nothing is known of a machine that had ended before wait was called. Who is interested in\n" +
			"how a short command ends has it from 'microvm run' without --detach.\n" +
			"\n" +
			"The exit status is 0 when that of all machines is known, 1 if one of them is not running,\n" +
			"or was killed.",
		Example: "  microvm run -d --name job --image debian -- make\n  microvm wait job",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("for which machine? 'microvm ps' lists them")
			}
			return nil
		},
		ValidArgsFunction: runningNames,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := waitFor(args, s.out); err != nil {
				return failed(err)
			}
			return nil
		},
	}
}

// waitFor holds on to all of them before it waits for the first.
func waitFor(names []string, w io.Writer) error {
	ends := make([]*registry.Ending, len(names))
	errs := make([]error, len(names))
	for i, name := range names {
		if ends[i], errs[i] = ending(name); errs[i] == nil {
			defer ends[i].Close()
		}
	}
	for i, end := range ends {
		if end == nil {
			continue
		}
		code, err := awaitEnd(end)
		if err != nil {
			errs[i] = fmt.Errorf("%s: %w", names[i], err)
		} else if _, err := fmt.Fprintln(w, code); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

func ending(name string) (*registry.Ending, error) {
	e, err := running(name)
	if err != nil {
		return nil, err
	}
	end, err := e.Ending()
	if err != nil {
		return nil, about(name, err)
	}
	return end, nil
}

func awaitEnd(end *registry.Ending) (int, error) {
	for {
		if ended, err := end.Wait(time.Hour); err != nil {
			return 0, err
		} else if ended {
			return end.Status()
		}
	}
}
