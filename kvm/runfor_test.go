package kvm

import (
	"context"
	"errors"
	"time"

	"linuxkvm/uapi"
)

// runLimit is how long a guest of a test may take for one exit.
const runLimit = 20 * time.Second

// runFor runs the vCPU to the next exit that is no interruption, and returns an
// error when that takes longer than limit.
func runFor(v *VCPU, limit time.Duration) (Exit, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var last Exit
	err := v.Loop(ctx, func(e Exit) error {
		if e.Reason() == uapi.ExitIntr {
			return nil
		}
		last = e
		return ErrStop
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("the guest did not exit in time")
	}
	return last, err
}
