package sys

import (
	"errors"
	"os"
)

// ErrClosed is what every call on a closed object returns.
var ErrClosed error = closedError{}

// ErrInUse is returned for an object that something else still needs.
var ErrInUse = errors.New("in use")

type closedError struct{}

func (closedError) Error() string { return "already closed" }

// Is makes a closed object of this module look like a closed file to callers
// that test for os.ErrClosed.
func (closedError) Is(target error) bool { return target == os.ErrClosed }
