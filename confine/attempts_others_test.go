//go:build !amd64

package confine

// archAttempts are those that only this architecture has.
var archAttempts []attempt
