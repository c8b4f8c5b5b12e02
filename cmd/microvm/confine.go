package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"linuxkvm/confine"
	"linuxkvm/image"
)

// confineMode is the value of --confine.
type confineMode string

const (
	confineAuto    confineMode = "auto"
	confineRequire confineMode = "require"
	confineOff     confineMode = "off"
)

func (m *confineMode) String() string { return string(*m) }

// Type names the kind of value in a help text.
func (*confineMode) Type() string { return "WHEN" }

// Set takes one of the three words.
func (m *confineMode) Set(s string) error {
	switch v := confineMode(s); v {
	case confineAuto, confineRequire, confineOff:
		*m = v
		return nil
	}
	return fmt.Errorf("%q: want %s, %s or %s", s, confineAuto, confineRequire, confineOff)
}

// confineFlags are the flags of microvm run that are about confinement.
type confineFlags struct {
	mode    confineMode
	verbose bool
	// Directories that the guest shares.
	readOnly, readWrite []string
}

func (f *confineFlags) register(cmd *cobra.Command, flags *pflag.FlagSet) {
	f.mode = confineAuto
	flags.Var(&f.mode, "confine", "keep this process from what the guest does not need: auto, as far as the kernel can; require; or off")
	flags.BoolVar(&f.verbose, "verbose", false, "say by what means this process is confined")
	_ = cmd.RegisterFlagCompletionFunc("confine", cobra.FixedCompletions( // the flag exists
		[]string{string(confineAuto), string(confineRequire), string(confineOff)}, cobra.ShellCompDirectiveNoFileComp))
}

// confinement is what is left to the process once everything is open: kernel, disks,
// image and /dev/kvm are, and nothing is opened by name any more, but files in the
// directories that the guest shares; what others know this process by is removed at its
// end.
func (f *runFlags) confinement() confine.Config {
	c := confine.Config{
		Require:   f.confine.mode == confineRequire,
		ReadOnly:  f.confine.readOnly,
		ReadWrite: append(f.ownDirectory(), f.confine.readWrite...),
	}
	f.network.confine(&c)
	return c
}

// ready is called when the guest of a command could run. What takes files and processes
// is done with before the process is confined: the helper that restores the terminal is
// started, and the image, of which all that is needed is read, is given back.
func (f *runFlags) ready(img *image.Image, t *terminal, s streams) error {
	if f.command.terminal {
		if err := t.prepare(s.in); err != nil {
			return err
		}
	}
	if img != nil {
		if err := img.Close(); err != nil {
			return err
		}
	}
	return f.confineProcess(s.err)
}

// confineProcess is called when everything is open and before the guest runs.
func (f *runFlags) confineProcess(w io.Writer) error {
	if f.confine.mode == confineOff {
		f.confine.say(w, "not confined: --confine=off")
		return nil
	}
	means, err := confine.Process(f.confinement())
	if err != nil {
		return err
	}
	for _, lack := range means.Lacks() {
		f.confine.say(w, lack.Error())
	}
	f.confine.say(w, "confined by no_new_privs"+describeMeans(means))
	return nil
}

func describeMeans(m confine.Means) string {
	var text string
	if m.Landlock > 0 {
		text += fmt.Sprintf(", landlock (version %d)", m.Landlock)
	}
	if m.Seccomp {
		text += ", seccomp"
	}
	return text
}

// say tells those who have asked.
func (f *confineFlags) say(w io.Writer, text string) {
	if f.verbose {
		fmt.Fprintf(w, "microvm: %s\n", text)
	}
}
