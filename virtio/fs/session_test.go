package fs

import (
	"encoding/binary"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// What a guest offers beside go-fuse's own choice is taken.
func TestExtraCapabilities(t *testing.T) {
	c := newClient(t, Config{})
	c.must(0, opDestroy, 0)
	answer := c.must(0, opInit, 0, 7, 38, 1<<20, fuse.CAP_READDIRPLUS|extra, make([]byte, 48))
	if got := uint64(binary.LittleEndian.Uint32(answer[12:])); got&extra != extra {
		t.Errorf("taken: %#x, want %#x too", got, uint64(extra))
	}
}
