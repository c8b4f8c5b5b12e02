package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// apt runs the apt programs on a private state for one suite and architecture.
type apt struct {
	suite  string
	state  string // directory
	config string // path of the configuration
	debs   string // where downloads go
}

// newApt writes the private configuration.
func newApt(ctx context.Context, c cache, req Request) (*apt, error) {
	for _, program := range []string{"apt-get", "apt-cache", "apt-config"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("debian: %s is needed to fetch %v: it comes with Debian's package apt: %w", program, req, err)
		}
	}
	mirror, err := findMirror()
	if err != nil {
		return nil, err
	}
	a := &apt{suite: req.Suite, state: filepath.Join(c.dir, "apt", req.Suite+"-"+req.Arch), debs: c.debs()}
	a.config = filepath.Join(a.state, "apt.conf")
	for _, d := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.state, d), 0o755); err != nil {
			return nil, fmt.Errorf("debian: %w", err)
		}
	}
	var sources strings.Builder
	for _, suite := range req.suites() {
		fmt.Fprintf(&sources, "deb [signed-by=%s] %s %s main\n", mirror.keyring, mirror.uri, suite)
	}
	inherited, err := inheritedConfig(ctx)
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"status":       "",
		"sources.list": sources.String(),
		"apt.conf":     inherited + a.privateConfig(req.Arch),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(a.state, name), []byte(text), 0o644); err != nil {
			return nil, fmt.Errorf("debian: %w", err)
		}
	}
	return a, nil
}

// inheritedConfig is how this machine reaches its mirror: proxies, certificates,
// timeouts. Everything else of the machine's configuration is left out, its
// hooks and additional indexes above all.
func inheritedConfig(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-config", "dump", "Acquire").Output()
	if err != nil {
		return "", fmt.Errorf("debian: apt-config dump: %w", err)
	}
	var keep strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Acquire::") && !strings.HasPrefix(line, "Acquire::IndexTargets") {
			keep.WriteString(line)
		}
	}
	return keep.String(), nil
}

func (a *apt) privateConfig(arch string) string {
	settings := [][2]string{
		{"Dir::Etc::main", "/dev/null"},
		{"Dir::Etc::parts", "/dev/null"},
		{"Dir::Etc::preferences", "/dev/null"},
		{"Dir::Etc::preferencesparts", "/dev/null"},
		{"Dir::Etc::sourceparts", "/dev/null"},
		{"Dir::Etc::sourcelist", filepath.Join(a.state, "sources.list")},
		{"Dir::State", a.state},
		{"Dir::State::lists", filepath.Join(a.state, "lists")},
		{"Dir::State::status", filepath.Join(a.state, "status")},
		{"Dir::Cache", filepath.Join(a.state, "cache")},
		{"APT::Architecture", arch},
		{"Acquire::Languages", "none"},
		{"Acquire::PDiffs", "false"},
		// Without this a root caller's downloads would be made by a user
		// who may not write here.
		{"APT::Sandbox::User", ""},
	}
	var b strings.Builder
	b.WriteString("#clear APT::Architectures;\n")
	for _, s := range settings {
		fmt.Fprintf(&b, "%s %q;\n", s[0], s[1])
	}
	fmt.Fprintf(&b, "APT::Architectures { %q; };\n", arch)
	return b.String()
}

func (a *apt) update(ctx context.Context) error {
	// Error-Mode any: without it apt reports success when it could not fetch.
	_, err := a.run(ctx, a.state, "apt-get", "update", "-q", "--error-on=any")
	return err
}

// download fetches package files, in one run of apt-get: each takes a second to
// read its lists.
func (a *apt) download(ctx context.Context, files []file) error {
	args := []string{"download", "-q"}
	for _, f := range files {
		// A file of that name that is there is a truncated or changed one.
		if err := os.Remove(filepath.Join(a.debs, f.Name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("debian: %w", err)
		}
		args = append(args, f.Package+"="+f.Version)
	}
	_, err := a.run(ctx, a.debs, "apt-get", args...)
	return err
}

// run runs an apt program in dir and returns its standard output.
func (a *apt) run(ctx context.Context, dir, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "APT_CONFIG="+a.config, "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("debian: %s %s: %w: %s", program, strings.Join(args, " "), err, lastLines(stderr.String(), 3))
	}
	return stdout.String(), nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " / ")
}
