package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"linuxkvm/cmd/microvm/internal/registry"
	"linuxkvm/cmd/microvm/internal/size"
)

type psFlags struct {
	quiet, whole bool
	format       psFormat
}

// psFormat is the value of --format.
type psFormat string

func (f *psFormat) String() string { return string(*f) }

// Type names the kind of value in a help text.
func (*psFormat) Type() string { return "FORMAT" }

// Set takes one of the two words.
func (f *psFormat) Set(s string) error {
	if s != "table" && s != "json" {
		return fmt.Errorf("%q: want table or json", s)
	}
	*f = psFormat(s)
	return nil
}

func newPS(s streams) *cobra.Command {
	f := psFlags{format: "table"}
	cmd := &cobra.Command{
		Use:   "ps [flags]",
		Short: "List the machines that are running",
		Long: "ps lists the machines of this user that are running, the oldest first. They are known\n" +
			"by a directory, microvm in $XDG_RUNTIME_DIR or, where that is not set, microvm-UID in\n" +
			"the directory for temporary files; what a killed microvm has left there is removed.\n" +
			"\n" +
			"Machines in the background go on when their user logs out. Where systemd then removes\n" +
			"$XDG_RUNTIME_DIR they are not found any more; 'loginctl enable-linger' has it kept.",
		Example: "  microvm ps\n  microvm ps --format json\n  microvm stop $(microvm ps -q)",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return ps(&f, s.out) },
	}
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "only the ids")
	cmd.Flags().Var(&f.format, "format", "table, or json: an object on a line for each")
	cmd.Flags().BoolVar(&f.whole, "no-trunc", false, "whole commands, however long")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions( // the flag exists
		[]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func ps(f *psFlags, w io.Writer) error {
	r, err := registry.Open()
	if err != nil {
		return failed(err)
	}
	list, err := r.List()
	if err != nil {
		return failed(err)
	}
	switch {
	case f.quiet:
		for _, e := range list {
			fmt.Fprintln(w, e.ID)
		}
		return nil
	case f.format == "json":
		return psJSON(w, list)
	}
	return psTable(w, list, f.whole)
}

// psJSON writes what is no secret: not the environment.
func psJSON(w io.Writer, list []*registry.Entry) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, e := range list {
		s := e.State
		s.Env = nil
		if err := out.Encode(s); err != nil {
			return failed(err)
		}
	}
	return nil
}

func psTable(w io.Writer, list []*registry.Entry, whole bool) error {
	t := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME\tIMAGE\tCOMMAND\tKERNEL\tCPUS\tMEMORY\tSTARTED\tPID")
	for _, e := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%d\n",
			e.ID, e.Name, orDash(e.Image), orDash(commandText(e.Command, whole)), kernelText(e.Kernel), e.CPUs, size.Bytes(e.Memory), ago(time.Since(e.Started)), e.PID)
	}
	if err := t.Flush(); err != nil {
		return failed(err)
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func kernelText(path string) string {
	if path == "" {
		return "host's"
	}
	return filepath.Base(path)
}

// commandWidth is how much of a command is shown.
const commandWidth = 30

// commandText is a command in one line, without what a terminal would take as its own.
func commandText(args []string, whole bool) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.Join(args, " "))
	if runes := []rune(text); !whole && len(runes) > commandWidth {
		return string(runes[:commandWidth-1]) + "…"
	}
	return text
}

// ago is a duration as people say it.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(max(0, d).Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// runningNames completes the names of machines.
func runningNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	r, err := registry.Open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list, err := r.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
