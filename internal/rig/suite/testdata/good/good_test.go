package good

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"linuxkvm/internal/sys"
)

// TestSurroundings checks what a test in a lane may rely on.
func TestSurroundings(t *testing.T) {
	if Covered(true) != "yes" {
		t.Error("Covered")
	}
	if b, err := os.ReadFile("testdata/file"); string(b) != "from testdata\n" || err != nil {
		t.Errorf("testdata: %q, %v", b, err)
	}
	for name, want := range map[string]string{
		"KVM_TEST_REQUIRE": "1", "KVM_TEST_LANE": "amd64-6.1", "KVM_TEST_KERNEL": "6.1",
		"KVM_TEST_FROM_HOST": "inherited", "EXTRA": "given",
	} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	kernels, err := os.ReadDir(os.Getenv("KVM_TEST_GUEST_KERNELS"))
	if err != nil || len(kernels) != 3 || kernels[0].Name() != "amd64-6.1" || kernels[2].Name() != "amd64-newest" {
		t.Errorf("guest kernels: %v, %v", kernels, err)
	}
	kvmAnswers(t)
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err != nil || !strings.HasPrefix(string(release), "6.1.") {
		t.Errorf("kernel %q, %v", release, err)
	}
	if runtime.NumCPU() != 2 {
		t.Errorf("%d CPUs", runtime.NumCPU())
	}
}

// kvmAnswers issues an ioctl, which the recorder sees.
func kvmAnswers(t *testing.T) {
	t.Helper()
	fd, err := sys.OpenFD("/dev/kvm", os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	f := sys.NewFD(fd, nil)
	defer f.Close()
	const getAPIVersion = 0xae00
	if version, err := f.Ioctl(getAPIVersion, 0); version != 12 || err != nil {
		t.Errorf("version %d, %v", version, err)
	}
}
