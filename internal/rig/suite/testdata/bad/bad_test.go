// Package bad fails.
package bad

import "testing"

func TestBad(t *testing.T) { t.Error("this is bad") }
