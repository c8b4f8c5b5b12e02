//go:build linux && amd64

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// patience is how long a guest may take.
const patience = 5 * time.Minute

// twice has a guest do something, and another one where that fails, and says so: the
// emulation below the lane has faults of its own, and the rest of a long measurement
// is not lost by one.
func twice(ctx context.Context, who string, do func(context.Context) error) error {
	once := func() error {
		one, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return do(one)
	}
	err := once()
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", who, err)
	if ctx.Err() != nil {
		return err
	}
	fmt.Printf("FAILED, and tried again: %v\n", err)
	if again := once(); again != nil {
		return errors.Join(err, fmt.Errorf("again: %w", again))
	}
	return nil
}
