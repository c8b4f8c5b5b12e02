package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

// gather asks the compiler about every architecture.
func gather(ctx context.Context, clang string, h headers) ([]*facts, error) {
	var all []*facts
	rejected := map[string]int{} // by how many architectures
	for _, t := range targets {
		f, rest, err := gatherOne(ctx, clang, h, t)
		if err != nil {
			return nil, err
		}
		for _, name := range rest {
			rejected[name]++
		}
		all = append(all, f)
	}
	return all, judgeRejected(all, rejected)
}

func gatherOne(ctx context.Context, clang string, h headers, t target) (*facts, []string, error) {
	dir, err := os.MkdirTemp("", "genuapi-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	c := &compiler{clang: clang, headers: h, target: t, dir: dir}
	list, err := c.listMacros(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, rest, err := c.constants(ctx, list)
	if err != nil {
		return nil, nil, err
	}
	f, err := c.types(ctx)
	if err != nil {
		return nil, nil, err
	}
	f.macros = found
	if err := c.registers(ctx, f); err != nil {
		return nil, nil, err
	}
	return f, rest, c.confirm(ctx, f)
}

// judgeRejected stops at macros that are no constants somewhere and that nobody
// has looked at, and at rows that have become needless. An ioctl without its
// struct is no constant on most architectures, which is as it should be.
func judgeRejected(all []*facts, rejected map[string]int) error {
	for _, f := range all {
		for _, m := range f.macros {
			if m.ioctl != nil {
				delete(rejected, m.name)
			}
		}
	}
	var unknown []string
	for name := range rejected {
		if _, ok := notConstants[name]; !ok {
			unknown = append(unknown, name)
		}
	}
	for name := range notConstants {
		if rejected[name] == 0 {
			unknown = append(unknown, name+" (has a row but needs none)")
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("macros that are not integer constants; see notConstants: %s", strings.Join(unknown, ", "))
}
