package kvm

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
)

func hptStream(t testing.TB, chunks ...HPTChunk) []byte {
	t.Helper()
	var b []byte
	for _, c := range chunks {
		var err error
		b, err = AppendHPTChunk(b, c)
		must(t, err)
	}
	return b
}

var hptSample = []HPTChunk{
	{Index: 7, Valid: []HPTE{{V: 0x0102030405060708, R: 0x1112131415161718}, {V: 1, R: 2}}, Invalid: 3},
	{Index: 1 << 31, Invalid: 65535},
}

// The header is in the host's byte order, entries are big-endian.
func TestHPTChunkBytes(t *testing.T) {
	b := hptStream(t, hptSample...)
	if len(b) != 8+2*16+8 {
		t.Fatalf("%d bytes", len(b))
	}
	if i, v, n := binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:]); i != 7 || v != 2 || n != 3 {
		t.Errorf("header: index %d, %d valid, %d invalid", i, v, n)
	}
	if !bytes.Equal(b[8:16], []byte{1, 2, 3, 4, 5, 6, 7, 8}) || b[16] != 0x11 {
		t.Errorf("first entry: % x", b[8:24])
	}
}

func TestHPTChunks(t *testing.T) {
	b := hptStream(t, hptSample...)
	var got []HPTChunk
	for c, err := range HPTChunks(b) {
		must(t, err)
		got = append(got, c)
	}
	if !reflect.DeepEqual(got, hptSample) {
		t.Errorf("got %+v, want %+v", got, hptSample)
	}
	for _, err := range HPTChunks(b) {
		must(t, err)
		break // must not go on after that
	}
	for _, err := range HPTChunks(nil) {
		t.Errorf("an empty stream has a chunk, or an error: %v", err)
	}
}

func TestHPTChunksCutOff(t *testing.T) {
	b := hptStream(t, hptSample...)
	whole := map[int]bool{0: true, 40: true, 48: true}
	for n := range len(b) + 1 {
		err := checkHPTStream(b[:n])
		if whole[n] != (err == nil) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
		if err != nil {
			wantError(t, err, ErrInvalid, "byte")
		}
	}
	_, err := AppendHPTChunk(nil, HPTChunk{Valid: make([]HPTE, 65536)})
	wantError(t, err, ErrInvalid, "65536")
}

func FuzzHPTChunks(f *testing.F) {
	f.Add(hptStream(f, hptSample...))
	f.Add([]byte{0, 0, 0, 0, 0xff, 0xff, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		var again []byte
		for c, err := range HPTChunks(stream) {
			if err != nil {
				if len(again) > len(stream) || !bytes.Equal(again, stream[:len(again)]) {
					t.Fatal("what came before the error is not what was there")
				}
				return
			}
			again, err = AppendHPTChunk(again, c)
			must(t, err)
		}
		if !bytes.Equal(again, stream) {
			t.Fatalf("% x became % x", stream, again)
		}
	})
}
