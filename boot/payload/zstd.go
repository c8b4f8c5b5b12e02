package payload

import (
	"io"

	"github.com/klauspost/compress/zstd"
)

// zstdReader turns the decoder's Close into an io.Closer.
type zstdReader struct{ *zstd.Decoder }

func (z zstdReader) Close() error {
	z.Decoder.Close()
	return nil
}

// kernelWindow is the window that the kernel's build declares, whatever the
// size of the data: zstd's ultra levels.
const kernelWindow = 128 << 20

// newZstd decodes a stream of at most limit bytes. The decoder's limit on memory
// is one on the declared window too, so it cannot be smaller than that.
func newZstd(src io.Reader, limit int64) (io.Reader, error) {
	most := uint64(max(limit, kernelWindow))
	d, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(most), zstd.WithDecoderMaxMemory(most))
	if err != nil {
		return nil, err
	}
	return zstdReader{d}, nil
}
