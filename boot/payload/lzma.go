package payload

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"

	"github.com/ulikunitz/xz/lzma"
)

// dictLimit returns the dictionary to allocate when a stream declares declared
// bytes and yields at most limit: matches cannot reach further back than there
// is output.
func dictLimit(declared, limit int64) int {
	return int(min(max(min(declared, limit), lzma.MinDictCap), math.MaxInt32))
}

// newLZMA reads the classic format: 13 bytes of header, then the stream. The
// header is passed on with the dictionary cut to what can be used.
func newLZMA(src io.Reader, limit int64) (io.Reader, error) {
	head := make([]byte, lzma.HeaderLen)
	if _, err := io.ReadFull(src, head); err != nil {
		return nil, err
	}
	dict := dictLimit(int64(binary.LittleEndian.Uint32(head[1:])), limit)
	binary.LittleEndian.PutUint32(head[1:], uint32(dict))
	return lzma.ReaderConfig{DictCap: dict}.NewReader(io.MultiReader(bytes.NewReader(head), src))
}
