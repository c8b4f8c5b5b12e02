package suite

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"linuxkvm/internal/rig"
)

// saveCoverage writes the raw coverage files of a test. Their names hold a hash,
// a process id and a time in nanoseconds, so those of all tests and lanes go
// into one directory, which is what the go command's tools expect.
func (r *runner) saveCoverage(t binary, result *rig.Result) error {
	return saveFiles(r.CoverDir, t.coverDir(), result)
}

// saveFiles writes what a test left in a directory of the guest, if a directory
// here was asked for.
func saveFiles(here, guest string, result *rig.Result) error {
	if here == "" {
		return nil
	}
	for name, data := range result.Files {
		if path.Dir(name) != guest {
			continue
		}
		if err := os.WriteFile(filepath.Join(here, path.Base(name)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// profile turns the raw files into the textual profile.
func (r *runner) profile(ctx context.Context) error {
	if r.CoverProfile == "" {
		return nil
	}
	profile, err := filepath.Abs(r.CoverProfile)
	if err != nil {
		return err
	}
	_, err = r.goCommand(ctx, runtime.GOARCH, []string{"tool", "covdata", "textfmt", "-i=" + r.CoverDir, "-o=" + profile})
	if err != nil {
		return err
	}
	fmt.Fprintf(r.Output, "coverage of all lanes: %s\n", r.CoverProfile)
	return nil
}
