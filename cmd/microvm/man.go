package main

import (
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages into a directory",
		Long: "man writes the man pages of microvm and its commands into a directory, which is\n" +
			"made when it is missing. 'man DIR/microvm.1' shows one.",
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error { return writeMan(cmd.Root(), args[0]) },
	}
}

func writeMan(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return failed(err)
	}
	root.DisableAutoGenTag = true
	info, _ := debug.ReadBuildInfo()
	header := &doc.GenManHeader{Section: "1", Source: "linuxkvm", Manual: "User commands", Date: sourceDate(info)}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return failed(err)
	}
	return nil
}

// sourceDate is the time of the commit the program was built from, so that the
// same source gives the same pages; nil, which is today, where it is not known.
func sourceDate(info *debug.BuildInfo) *time.Time {
	if info == nil {
		return nil
	}
	for _, s := range info.Settings {
		if date, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
			return &date
		}
	}
	return nil
}
