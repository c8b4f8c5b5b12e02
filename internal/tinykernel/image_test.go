//go:build arm64 || riscv64

package tinykernel

import (
	"bytes"
	"testing"

	"linuxkvm/boot"
)

func TestImageIsOne(t *testing.T) {
	image := Image()
	info, err := boot.Detect(bytes.NewReader(image))
	if err != nil || info.Format != boot.FlatImage {
		t.Errorf("%v, %v", info, err)
	}
	if string(image[greeting:]) != Greeting+"\x00" || !bytes.HasPrefix(image[headerSize:], kernel) || headerSize+len(kernel) > greeting {
		t.Errorf("image % x", image)
	}
}
