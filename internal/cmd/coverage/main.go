// Command coverage writes docs/coverage.md: what the kernel's KVM headers hold,
// what this module has for it, and which test did it on a real KVM, in which lane.
//
//	go run ./internal/cmd/coverage                  write the table
//	go run ./internal/cmd/coverage -check           fail if it is not up to date, or something is missing
//	go run ./internal/cmd/coverage -record DIR      take in what the recorder wrote to DIR/<lane> first
//	go run ./internal/cmd/coverage -notyet          write, and allow what is missing now
//
// The headers are those that package uapi is generated from (internal/cmd/genuapi
// checks that it is), the methods are those of package kvm, whose documentation
// says which ioctl each is, and the tests are what internal/sys records with the
// build tag kvmtrace: `make coverage` runs them here and in the rig. Their records
// are docs/coverage/<lane>.txt.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// module is the module's path, which the records leave out.
const module = "linuxkvm"

// Files and directories below the module's root.
const (
	pageFile   = "docs/coverage.md"
	recordsDir = "docs/coverage"
	ownDir     = "internal/cmd/coverage"
)

func main() {
	check := flag.Bool("check", false, "compare with what is there instead of writing")
	allow := flag.Bool("notyet", false, "put what is missing on the list of what is not yet there")
	record := flag.String("record", "", "take in the records of the lanes in this `directory`")
	flag.Parse()
	if err := run(*check, *allow, *record); err != nil {
		fmt.Fprintln(os.Stderr, "coverage:", err)
		os.Exit(1)
	}
}

func run(check, allow bool, record string) error {
	if flag.NArg() > 0 || check && (allow || record != "") {
		return errors.New("usage: coverage [-check | [-notyet] [-record dir]]")
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if record != "" {
		if err := takeIn(root, record); err != nil {
			return err
		}
	}
	m, err := load(root)
	if err != nil {
		return err
	}
	path := filepath.Join(root, ownDir, notYetFile)
	keys, err := loadNotYet(path)
	if err != nil {
		return err
	}
	if check {
		return m.verify(root, keys)
	}
	allowed, missing, _ := settle(m.check(), keys)
	if allow {
		allowed, missing = append(allowed, missing...), nil
	}
	keys = nil
	for _, p := range allowed {
		keys = append(keys, p.key)
	}
	if err := saveNotYet(path, keys); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "coverage: %d things are not yet there\n", len(allowed))
	if err := os.WriteFile(filepath.Join(root, pageFile), m.page(), 0o644); err != nil {
		return err
	}
	return report(missing)
}

// verify fails if the page is not what would be written, or something is missing
// that is not on the list.
func (m *model) verify(root string, keys []string) error {
	_, missing, stale := settle(m.check(), keys)
	errs := []error{report(missing)}
	if len(stale) > 0 {
		errs = append(errs, fmt.Errorf("%s has what is there by now, `go run ./%s` takes it off:\n\t%s", notYetFile, ownDir, strings.Join(stale, "\n\t")))
	}
	have, err := os.ReadFile(filepath.Join(root, pageFile))
	if err != nil {
		errs = append(errs, err)
	} else if !bytes.Equal(have, m.page()) {
		errs = append(errs, fmt.Errorf("%s is not up to date: `go run ./%s` writes it, `make coverage` records the tests first", pageFile, ownDir))
	}
	return errors.Join(errs...)
}

// load reads everything.
func load(root string) (*model, error) {
	version, err := os.ReadFile(filepath.Join(root, "uapi", "headers.version"))
	if err != nil {
		return nil, err
	}
	m := &model{exceptions: exceptions}
	if m.headers, err = loadHeaders(filepath.Join(root, "uapi"), strings.TrimSpace(string(version))); err != nil {
		return nil, err
	}
	if m.code, err = loadCode(filepath.Join(root, "kvm")); err != nil {
		return nil, err
	}
	if m.lanes, err = loadRecords(filepath.Join(root, recordsDir)); err != nil {
		return nil, err
	}
	m.tests, err = loadTests(root, testDirs(m.lanes))
	return m, err
}

// testDirs are the packages with tests that matter: those that names or records
// come from.
func testDirs(lanes []*laneRecords) []string {
	dirs := []string{"kvm"}
	seen := map[string]bool{"kvm": true}
	for _, r := range lanes {
		for _, e := range r.entries {
			test := strings.TrimPrefix(e.test, guessed)
			dir := test[:max(0, strings.LastIndexByte(test, '.'))]
			if dir != "" && !seen[dir] {
				seen[dir] = true
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// takeIn makes a file of records of each lane that the recorder has written to.
// Those of other lanes stay as they are.
func takeIn(root, dir string) error {
	h, err := loadHeaders(filepath.Join(root, "uapi"), "")
	if err != nil {
		return err
	}
	lanes, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(root, recordsDir), 0o755); err != nil {
		return err
	}
	for _, lane := range lanes {
		r, err := readTrace(h, lane.Name(), filepath.Join(dir, lane.Name()))
		if err != nil {
			return err
		}
		path := filepath.Join(root, recordsDir, lane.Name()+".txt")
		if err := os.WriteFile(path, r.bytes(), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "coverage: lane %s: %d records\n", r.lane, len(r.entries))
	}
	return nil
}

// moduleRoot is the directory of go.mod, from the working directory upwards.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod here or above: run it inside the module")
		}
		dir = parent
	}
}
