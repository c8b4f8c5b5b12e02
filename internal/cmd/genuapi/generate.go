package main

import (
	"context"
	"fmt"
	"io"
)

// generate returns the files of the package by name.
func generate(ctx context.Context, clang string, h headers, progress io.Writer) (map[string][]byte, error) {
	fmt.Fprintf(progress, "genuapi: %s %s, %d architectures, %s\n", headersPackage, h.version, len(targets), clang)
	all, err := gather(ctx, clang, h)
	if err != nil {
		return nil, err
	}
	sources, err := translate(all)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, s := range sources {
		text, err := s.bytes(h.version)
		if err != nil {
			return nil, err
		}
		files[s.name] = text
	}
	return files, nil
}

// translate turns what the compiler says into source files.
func translate(all []*facts) ([]*source, error) {
	if err := checkPlaces(all); err != nil {
		return nil, err
	}
	var consts []*sorted
	var types [][]*goType
	for _, f := range all {
		s, err := sortConstants(f)
		if err != nil {
			return nil, err
		}
		t, err := layOut(f)
		if err != nil {
			return nil, err
		}
		if err := checkNames(f, s, t); err != nil {
			return nil, err
		}
		consts, types = append(consts, s), append(types, t)
	}
	if err := checkCounts(types); err != nil {
		return nil, err
	}
	return emit(all, consts, types)
}

func emit(all []*facts, consts []*sorted, types [][]*goType) ([]*source, error) {
	var caps, exits [][]constant
	for _, s := range consts {
		caps, exits = append(caps, s.caps), append(exits, s.exits)
	}
	capFile, err := numbered("zcap.go", "Cap", "capNames", caps)
	if err != nil {
		return nil, err
	}
	exitFile, err := numbered("zexit.go", "ExitReason", "exitNames", exits)
	if err != nil {
		return nil, err
	}
	sources := []*source{capFile, exitFile}
	sources = append(sources, constantFiles(all, consts)...)
	for i, f := range all {
		sources = append(sources, ioctlFile(f, consts[i]))
		registers, err := registerFile(f)
		if err != nil {
			return nil, err
		}
		sources = append(sources, registers)
	}
	return append(sources, emitStructs(all, types)...), nil
}

// checkNames finds names that two things would get. Constants are collected
// over all architectures where they are common, so a clash may show in one only.
func checkNames(f *facts, s *sorted, types []*goType) error {
	taken := map[string]string{}
	for _, name := range handWritten {
		taken[name] = "hand-written code"
	}
	claim := func(name, c string) error {
		if other, ok := taken[name]; ok {
			return fmt.Errorf("%s: %s and %s would both be named %s: see renames.go", f.target.goarch, c, other, name)
		}
		taken[name] = c
		return nil
	}
	lists := [][]constant{s.caps, s.exits, s.others, f.regValues}
	for _, r := range f.registers {
		if err := claim(r.golang, r.c); err != nil {
			return err
		}
	}
	for _, kind := range fdKinds {
		lists = append(lists, s.ioctls[kind])
	}
	for _, list := range lists {
		for _, k := range list {
			if err := claim(k.golang, k.c); err != nil {
				return err
			}
		}
	}
	for _, t := range types {
		if err := claim(t.name, t.root+" "+t.cpath); err != nil {
			return err
		}
		for _, a := range t.arrays {
			if err := claim(bufferName(t, a), "the buffer of "+t.root); err != nil {
				return err
			}
		}
	}
	return nil
}

// handWritten are the names that the package's other files export.
var handWritten = []string{
	"Cap", "Caps", "ExitReason", "ExitReasons",
	"SystemIoctl", "VMIoctl", "VCPUIoctl", "DeviceIoctl",
	"Reg", "RegID", "RegValue",
}
