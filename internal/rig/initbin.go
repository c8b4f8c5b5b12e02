package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// initPackage is the program that becomes /init.
const initPackage = "linuxkvm/internal/cmd/riginit"

// buildInit builds /init for the lane and returns its path and a function that
// removes it.
func buildInit(ctx context.Context, l Lane) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "rig-init-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	path = filepath.Join(dir, "init")
	if err := GoBuild(ctx, l.GOARCH, initPackage, path); err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}

// GoBuild builds a static program for Linux on goarch with the go command.
func GoBuild(ctx context.Context, goarch, pkg, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
	cmd.Env = append(os.Environ(), GoEnv(goarch)...)
	// Killed, it would leave its work directory behind.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	msg, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("rig: the go command is needed to build %s: apt-get install golang-go: %w", pkg, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("rig: go build %s: %w", pkg, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("rig: go build %s: %w\n%s", pkg, err, strings.TrimSpace(string(msg)))
	}
	return nil
}

// GoEnv are the variables for building static programs for a lane.
func GoEnv(goarch string) []string {
	return []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + goarch, "GOFLAGS="}
}
