package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"linuxkvm/internal/rig"
)

// binary is the test binary of one package.
type binary struct {
	pkg  string
	host string
	// dir is the package's directory on the host, rel the same below the
	// module's root.
	dir, rel string
}

// goPackage is what we need of go list's answer.
type goPackage struct {
	ImportPath, Dir           string
	TestGoFiles, XTestGoFiles []string
	Module                    *struct{ Dir string }
}

// buildAll builds the tests once for each architecture among the lanes.
func (r *runner) buildAll(ctx context.Context) (map[string][]binary, error) {
	built := map[string][]binary{}
	for _, l := range r.Lanes {
		if _, ok := built[l.GOARCH]; ok {
			continue
		}
		tests, err := r.build(ctx, l.GOARCH)
		if err != nil {
			return nil, err
		}
		built[l.GOARCH] = tests
	}
	return built, nil
}

func (r *runner) build(ctx context.Context, goarch string) ([]binary, error) {
	packages, err := r.list(ctx, goarch)
	if err != nil {
		return nil, err
	}
	var tests []binary
	for _, p := range packages {
		if len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
			continue
		}
		b := binary{pkg: p.ImportPath, dir: p.Dir, rel: path.Base(p.ImportPath)}
		if p.Module != nil {
			if b.rel, err = filepath.Rel(p.Module.Dir, p.Dir); err != nil {
				return nil, err
			}
		}
		b.host = filepath.Join(r.tmp, goarch, strings.ReplaceAll(p.ImportPath, "/", "_")+".test")
		tests = append(tests, b)
	}
	if len(tests) == 0 {
		return nil, fmt.Errorf("rig: no tests in %s", strings.Join(r.Patterns, " "))
	}
	return tests, r.compile(ctx, goarch, tests)
}

// list asks the go command which packages are meant.
func (r *runner) list(ctx context.Context, goarch string) ([]goPackage, error) {
	args := append([]string{"list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles,Module"}, r.tagFlags()...)
	out, err := r.goCommand(ctx, goarch, append(args, r.Patterns...))
	if err != nil {
		return nil, err
	}
	var packages []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		switch err := d.Decode(&p); {
		case err == io.EOF:
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("rig: go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// compile builds two packages at a time: a link is one thread for the most part.
func (r *runner) compile(ctx context.Context, goarch string, tests []binary) error {
	slots := make(chan struct{}, 2)
	errs := make([]error, len(tests))
	var wg sync.WaitGroup
	for i, t := range tests {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			args := append([]string{"test", "-c", "-o", t.host}, r.buildFlags()...)
			_, errs[i] = r.goCommand(ctx, goarch, append(args, t.pkg))
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// tagFlags are the build tags, with the recorder's if it is wanted.
func (r *runner) tagFlags() []string {
	tags := r.Tags
	if r.TraceDir != "" {
		tags = strings.TrimPrefix(tags+",kvmtrace", ",")
	}
	if tags == "" {
		return nil
	}
	return []string{"-tags=" + tags}
}

func (r *runner) buildFlags() []string {
	flags := r.tagFlags()
	if r.Cover {
		flags = append(flags, "-cover")
		if r.CoverPkg != "" {
			flags = append(flags, "-coverpkg="+r.CoverPkg)
		}
	}
	if r.Race {
		// The detector is a C library; there is none in the guest to load.
		flags = append(flags, "-race", "-ldflags=-linkmode=external -extldflags=-static")
	}
	return flags
}

// goCommand runs the go command for an architecture and returns what it prints.
func (r *runner) goCommand(ctx context.Context, goarch string, args []string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), rig.GoEnv(goarch)...)
	if r.Race {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	}
	// Killed, it would leave its work directory behind.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("rig: the go command is needed: apt-get install golang-go: %w", err)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("rig: go %s: %w", args[0], ctx.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("rig: go %s: %w\n%s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
