package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
)

// notYetFile lists, by key, problems that are known and allowed for now. A run
// of the command takes off it what is there by now; nothing puts a line on it but
// -notyet. When it is empty it goes.
const notYetFile = "notyet.txt"

func loadNotYet(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	var keys []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	return keys, err
}

func saveNotYet(path string, keys []string) error {
	if len(keys) == 0 {
		err := os.Remove(path)
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	keys = slices.Clone(keys)
	slices.SortFunc(keys, strings.Compare)
	text := "# What the headers hold and is known to be missing: see notyet.go.\n" + strings.Join(slices.Compact(keys), "\n") + "\n"
	return os.WriteFile(path, []byte(text), 0o644)
}

// settle takes problems and the list apart: what is allowed, what is not, and the
// keys that are about nothing any more.
func settle(problems []problem, keys []string) (allowed, missing []problem, stale []string) {
	known := map[string]bool{}
	for _, key := range keys {
		known[key] = true
	}
	open := map[string]bool{}
	for _, p := range problems {
		open[p.key] = true
		if known[p.key] {
			allowed = append(allowed, p)
		} else {
			missing = append(missing, p)
		}
	}
	for _, key := range keys {
		if !open[key] {
			stale = append(stale, key)
		}
	}
	return allowed, missing, stale
}

// report is the error for what is missing, in order.
func report(missing []problem) error {
	if len(missing) == 0 {
		return nil
	}
	slices.SortStableFunc(missing, func(a, b problem) int { return cmp.Compare(a.key, b.key) })
	lines := make([]string, len(missing))
	for i, p := range missing {
		lines[i] = "\n\t" + p.text
	}
	return fmt.Errorf("%d things are missing:%s", len(missing), strings.Join(lines, ""))
}
