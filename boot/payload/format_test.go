package payload

import "testing"

func TestIdentify(t *testing.T) {
	lzmaHead := func(b ...byte) string { return string(b) }
	cases := []struct {
		name, head string
		want       Format
	}{
		{"nothing", "", Unknown},
		{"ELF", "\x7fELF\x02\x01\x01", None},
		{"text", "hello, world!", Unknown},
		{"half a magic number", "\xfd7zX", Unknown},
		{"lzo", "\x89LZO\x00\r\n\x1a\n", LZO},
		{"lz4 frame", "\x04\x22\x4d\x18", Unknown},
		{"lzma of unknown size", lzmaHead(0x5d, 0, 0, 0x80, 0, 255, 255, 255, 255, 255, 255, 255, 255), LZMA},
		{"lzma of known size", lzmaHead(0x5d, 0, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0), LZMA},
		{"lzma, odd dictionary", lzmaHead(0x5d, 1, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0), Unknown},
		{"lzma, small dictionary", lzmaHead(0x5d, 0, 0x10, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0), Unknown},
		{"lzma, huge size", lzmaHead(0x5d, 0, 0, 0, 4, 1, 2, 3, 4, 5, 0, 0, 0), Unknown},
		{"lzma, short", lzmaHead(0x5d, 0, 0, 0, 4), Unknown},
	}
	for _, c := range cases {
		if got := Identify([]byte(c.head)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestFormatNames(t *testing.T) {
	for f, want := range map[Format]string{Unknown: "unknown", None: "none", Zstd: "zstd", LZO: "lzo", 77: "format 77"} {
		if got := f.String(); got != want {
			t.Errorf("%d: %q, want %q", uint8(f), got, want)
		}
	}
	for f := Unknown; f <= LZO; f++ {
		if want := f == None || f == Gzip || f == LZ4 || f == Zstd; f.Fast() != want {
			t.Errorf("%v.Fast() = %v", f, f.Fast())
		}
	}
}
