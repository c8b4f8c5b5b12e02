package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// clangNames are tried in turn. 16 is the first that knows loongarch64; a plain
// clang comes last because it may be an older one.
var clangNames = []string{"clang-16", "clang-17", "clang-18", "clang-19", "clang-20", "clang-21", "clang"}

// errNoClang says what to install.
var errNoClang = fmt.Errorf("no clang: install Debian's package clang-16 or a newer one, which compiles for every architecture")

// findClang returns the compiler.
func findClang() (string, error) {
	for _, name := range clangNames {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoClang
}

// prelude is what every probe starts with: the headers, and the few names that
// they use and leave to their includer.
const prelude = `#include <linux/errno.h>
#include <linux/bits.h>
#define SZ_64K 0x10000
#define U64_MAX (~0ULL)
#include <linux/kvm.h>
#if __has_include(<asm/kvm_para.h>)
#include <linux/kvm_para.h>
#endif
`

// ours tells the headers of KVM from those they include.
func ours(path string) bool {
	dir, base := filepath.Split(path)
	dir = filepath.Base(dir)
	return (dir == "linux" || dir == "asm") && (base == "kvm.h" || base == "kvm_para.h")
}

// compiler compiles probes for one architecture.
type compiler struct {
	clang   string
	gcc     bool // the program is a gcc for the target, see crossCompiler
	headers headers
	target  target
	dir     string // for its files
}

// run compiles a probe with the flags and returns what the compiler prints and
// what it complains about.
func (c *compiler) run(ctx context.Context, source string, flags ...string) (stdout, stderr string, err error) {
	probe := filepath.Join(c.dir, "probe.c")
	if err := os.WriteFile(probe, []byte(source), 0o644); err != nil {
		return "", "", err
	}
	args := []string{"-std=gnu11", "-nostdinc", "-w"}
	if c.gcc {
		args = append(args, "-fdiagnostics-color=never")
	} else {
		args = append(args, "-target", c.target.clang, "-ferror-limit=0", "-fno-color-diagnostics")
	}
	for _, dir := range c.headers.include(c.target) {
		args = append(args, "-isystem", dir)
	}
	args = append(append(args, flags...), probe)
	cmd := exec.CommandContext(ctx, c.clang, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err = cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s for %s: %w: %s", filepath.Base(c.clang), c.target.goarch, err, firstLines(complaints.String(), 5))
	}
	return out.String(), complaints.String(), err
}

// crossCompiler finds gcc for a target: a second opinion that shares no code with
// clang. Its name starts with the triple, which is the same for both.
func crossCompiler(t target) (string, error) {
	name := t.clang + "-gcc"
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("no %s: install Debian's package gcc-%s", name, strings.ReplaceAll(t.clang, "_", "-"))
	}
	return path, nil
}

// object compiles a probe and returns the path of the object file.
func (c *compiler) object(ctx context.Context, source string, flags ...string) (string, error) {
	path := filepath.Join(c.dir, "probe.o")
	_, _, err := c.run(ctx, source, append(flags, "-c", "-o", path)...)
	return path, err
}

func firstLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[:min(n, len(lines))], "\n")
}
