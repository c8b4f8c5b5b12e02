//go:build linux && amd64

package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"linuxkvm/internal/debian"
	"linuxkvm/internal/rig"
)

//go:embed rust/Cargo.toml rust/src
var rustSource embed.FS

// The packages of the crates that the peer is built from. Those that only make
// what is switched off are left out.
var rustPackages = []string{
	"librust-kvm-ioctls-dev", "librust-kvm-bindings-dev", "librust-vmm-sys-util-dev",
	"librust-libc-dev", "librust-bitflags-dev", "librust-bitflags-1-dev",
}

// crates is where Debian's packages have them, as cargo's "directory" sources do.
const crates = "usr/share/cargo/registry"

// startRust builds the Rust peer, if need be, and starts it. Also returned is
// what it is made of. It is a peer that the benchmark can do without: unlike C's,
// its compiler is not on every machine that builds Go programs.
func startRust(ctx context.Context, cpu, threads int) (p *peer, versions string, err error) {
	compiler, err := findRust(ctx)
	if err != nil {
		return nil, "", err
	}
	dir, err := fetchCrates(ctx)
	if err != nil {
		return nil, "", err
	}
	program, err := buildRust(ctx, dir)
	if err != nil {
		return nil, "", err
	}
	p, err = startPeer(ctx, "Rust", program, cpu, threads)
	return p, strings.Join(append(crateVersions(dir), compiler), ", "), err
}

// The oldest Rust that the crates are for, and the remedy.
const (
	rustMajor, rustMinor = 1, 85

	rustRemedy = "install Rust 1.85 or newer: Debian 13's packages cargo and rustc, or rustup"
)

// findRust returns the version of the Rust that is installed, if it will do.
func findRust(ctx context.Context) (version string, err error) {
	for _, program := range []string{"cargo", "rustc"} {
		out, err := exec.CommandContext(ctx, program, "--version").Output()
		if err != nil {
			return "", fmt.Errorf("%s: %w: %s", program, err, rustRemedy)
		}
		version = strings.TrimSpace(string(out))
		if !rustWillDo(version) {
			return "", fmt.Errorf("%s is too old: %s", version, rustRemedy)
		}
	}
	return version, nil
}

// rustWillDo looks at what "rustc --version" prints.
func rustWillDo(version string) bool {
	var program string
	var major, minor int
	if _, err := fmt.Sscanf(version, "%s %d.%d", &program, &major, &minor); err != nil {
		return false
	}
	return major > rustMajor || major == rustMajor && minor >= rustMinor
}

// fetchCrates returns a directory in the cache with the crates, one for each set
// of versions.
func fetchCrates(ctx context.Context) (dir string, err error) {
	cache, err := rig.CacheDir()
	if err != nil {
		return "", err
	}
	request := debian.Request{Suite: "sid", Arch: "amd64", Packages: rustPackages}
	debs, err := debian.Fetch(ctx, request, filepath.Join(cache, "debian"), os.Stderr)
	if err != nil {
		return "", err
	}
	names := sha256.Sum256([]byte(strings.Join(debs, "\n")))
	dir = filepath.Join(cache, "bench", fmt.Sprintf("rust-%x", names[:6]))
	if _, err := os.Stat(filepath.Join(dir, crates)); err == nil {
		return dir, nil
	}
	return dir, unpackCrates(debs, dir)
}

// unpackCrates renames the crates into place, so that a half-unpacked tree is
// never used.
func unpackCrates(debs []string, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for _, deb := range debs {
		if err := debian.Extract(deb, tmp); err != nil {
			return err
		}
	}
	err = os.Rename(tmp, dir)
	if errors.Is(err, fs.ErrExist) { // another process was first
		return nil
	}
	return err
}

// crateVersions names the two crates that are measured, as "kvm-ioctls 0.25.1".
func crateVersions(dir string) []string {
	var found []string
	for _, name := range []string{"kvm-ioctls", "kvm-bindings"} {
		paths, _ := filepath.Glob(filepath.Join(dir, crates, name+"-[0-9]*"))
		for _, path := range paths {
			found = append(found, name+" "+strings.TrimPrefix(filepath.Base(path), name+"-"))
		}
	}
	return found
}

// buildRust compiles the peer offline. What is built already stays.
func buildRust(ctx context.Context, dir string) (program string, err error) {
	if err := writeSource(dir); err != nil {
		return "", err
	}
	target := filepath.Join(dir, "target")
	program = filepath.Join(target, "release", "peer")
	if _, err := os.Stat(program); err != nil {
		fmt.Fprintln(os.Stderr, "bench: compiling the Rust peer and its crates, half a minute, once")
	}
	cmd := exec.CommandContext(ctx, "cargo", "build", "--quiet", "--release", "--offline",
		"--manifest-path", filepath.Join(dir, "rust", "Cargo.toml"), "--target-dir", target,
		"--config", `source.crates-io.replace-with="debian"`,
		"--config", fmt.Sprintf("source.debian.directory=%q", filepath.Join(dir, crates)))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the peer: %w\n%s", err, out)
	}
	return program, nil
}

// writeSource writes the files that are not there or differ: cargo goes by their
// times.
func writeSource(dir string) error {
	return fs.WalkDir(rustSource, ".", func(name string, entry fs.DirEntry, err error) error {
		path := filepath.Join(dir, name)
		if err != nil || entry.IsDir() {
			return errors.Join(err, os.MkdirAll(path, 0o755))
		}
		text, err := rustSource.ReadFile(name)
		if err != nil {
			return err
		}
		if old, err := os.ReadFile(path); err == nil && string(old) == string(text) {
			return nil
		}
		return os.WriteFile(path, text, 0o644)
	})
}
