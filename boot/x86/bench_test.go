package x86

import (
	"io"
	"os"
	"testing"

	"linuxkvm/boot"
)

// kernelEnv names a file with a real kernel for the benchmarks.
const kernelEnv = "KVM_BENCH_KERNEL"

func benchKernel(b *testing.B) *boot.File {
	b.Helper()
	path := os.Getenv(kernelEnv)
	if path == "" {
		b.Skip("set " + kernelEnv + " to the path of a bzImage, such as a vmlinuz of Debian")
	}
	f, err := boot.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f
}

// flatRAM is one slice, so that the benchmark does not measure a page map.
type flatRAM []byte

func (r flatRAM) ReadAt(b []byte, off int64) (int, error)  { return copy(b, r[off:]), nil }
func (r flatRAM) WriteAt(b []byte, off int64) (int, error) { return copy(r[off:], b), nil }

// BenchmarkLoad compares what each way in costs the host.
func BenchmarkLoad(b *testing.B) {
	for _, p := range []Protocol{ProtocolAuto, ProtocolPVH, ProtocolLinux64} {
		b.Run(p.String(), func(b *testing.B) {
			f := benchKernel(b)
			l := layout(b, 512)
			m := make(flatRAM, 512<<20)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(m, Config{Kernel: f, Layout: l, Protocol: p, ZeroedRAM: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkExtract decompresses the whole payload and drops it.
func BenchmarkExtract(b *testing.B) {
	f := benchKernel(b)
	b.ReportAllocs()
	for b.Loop() {
		r, _, err := ExtractVmlinux(f)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(n)
		r.Close()
	}
}
