package fs

import (
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	got, err := encodeConfig("work", 2)
	if want := "work" + strings.Repeat("\x00", 32) + "\x02\x00\x00\x00"; err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if _, err := encodeConfig(strings.Repeat("a", tagSize), 1); err != nil {
		t.Error(err)
	}
	for _, tag := range []string{"", "a\x00b", strings.Repeat("a", tagSize+1)} {
		if _, err := encodeConfig(tag, 1); err == nil {
			t.Errorf("%q was taken", tag)
		}
	}
}
