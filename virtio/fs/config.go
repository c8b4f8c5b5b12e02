package fs

import (
	"encoding/binary"
	"fmt"
	"strings"
)

const tagSize = 36 // bytes, padded with zeros

// encodeConfig is the device's configuration: by which name the guest mounts it, and
// how many queues there are beside the one of high priority.
func encodeConfig(tag string, requestQueues uint32) ([]byte, error) {
	if tag == "" || len(tag) > tagSize || strings.ContainsRune(tag, 0) {
		return nil, fmt.Errorf("fs: tag %q: want 1 to %d bytes, none of them zero", tag, tagSize)
	}
	config := make([]byte, tagSize, tagSize+4)
	copy(config, tag)
	return binary.LittleEndian.AppendUint32(config, requestQueues), nil
}
