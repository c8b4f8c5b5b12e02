//go:build linux && amd64

package main

import (
	"strings"
	"testing"
)

func TestRustWillDo(t *testing.T) {
	for version, want := range map[string]bool{
		"rustc 1.63.0":                        false,
		"cargo 1.84.1 (66221abde 2024-11-19)": false,
		"rustc 1.85.0 (4d91de4e4 2025-02-17)": true,
		"cargo 1.95.0":                        true,
		"rustc 2.0.0":                         true,
		"":                                    false,
	} {
		if got := rustWillDo(version); got != want {
			t.Errorf("%q: %v, want %v", version, got, want)
		}
	}
}

// TestRowsEverywhere: a row that a peer does not know ends the benchmark.
func TestRowsEverywhere(t *testing.T) {
	main, err := rustSource.ReadFile("rust/src/main.rs")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		quoted := `"` + r.name + `"`
		for peer, source := range map[string]string{"C": peerSource, "Rust": string(main)} {
			if !strings.Contains(source, quoted) {
				t.Errorf("the peer in %s has no row %s", peer, quoted)
			}
		}
	}
}

// TestTargets: what was not measured is not met.
func TestTargets(t *testing.T) {
	good := result{times: [sideCount][]float64{c: {9000, 9100}, rust: {9000, 9100}, library: {9100, 9200}}}
	if !good.met() {
		t.Error("100 ns more than either of 9000 is not met")
	}
	slow, without, allocates := good, good, good
	slow.times[rust] = []float64{8900, 9000}
	without.times[rust] = nil
	allocates.allocs = 1
	for name, r := range map[string]result{"200 ns more than Rust": slow, "without Rust": without, "allocates": allocates} {
		if r.met() {
			t.Errorf("%s: met", name)
		}
	}
}
