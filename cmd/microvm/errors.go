package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// failure is an error that decides the exit status.
type failure struct {
	status status
	err    error // nil when there is nothing to say
}

func (f *failure) Error() string {
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// failed is an error of something that was understood but did not work.
func failed(err error) error { return &failure{statusFailed, err} }

// ended is a status that needs no message.
func ended(s status) error { return &failure{status: s} }

// report writes what went wrong to w, as one line that names the command, and
// returns the exit status. An error that is no failure is cobra's own, about
// the command line.
func report(w io.Writer, err error) status {
	said := err
	var f *failure
	if errors.As(err, &f) {
		said = f.err
	}
	if text := sentence(said); text != "" {
		fmt.Fprintf(w, "microvm: %s\n", text)
	}
	return exitStatus(err)
}

// exitStatus is the status that an error stands for.
func exitStatus(err error) status {
	var f *failure
	switch {
	case err == nil:
		return statusOK
	case errors.As(err, &f):
		return f.status
	}
	return statusUsage
}

// sentence is the text of an error for a person: the packages it came through
// are of no interest.
func sentence(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	for {
		short := text
		for _, prefix := range []string{"machine: ", "kvm: ", "probe: ", "linux: ", "image: ", "agent: ", "confine: "} {
			short = strings.TrimPrefix(short, prefix)
		}
		if short == text {
			return text
		}
		text = short
	}
}
