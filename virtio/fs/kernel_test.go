package fs

import (
	"os"
	"os/exec"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// work is what a user does to files, and checks by itself.
const work = `cd "$1"
mkdir -p a/b; echo hello > a/b/f; echo more >> a/b/f
[ "$(cat a/b/f)" = "$(printf 'hello\nmore')" ]
ln -s /nowhere/at/all s; [ "$(readlink s)" = /nowhere/at/all ]
ln a/b/f hard; [ hard -ef a/b/f ]
mkfifo p; mv a/b c; [ -p p ]; [ ! -e a/b ]; [ -f c/f ]
dd if=/dev/urandom of=big bs=1M count=8 2>/dev/null; cp big big2; cmp big big2; sync big2
truncate -s 5 big; [ "$(stat -c %s big)" = 5 ]
cp -a c d; diff -r c d
chown -R 12:34 d; [ "$(stat -c %u:%g d/f)" = 12:34 ]
chmod 4711 d/f; [ "$(stat -c %a d/f)" = 4711 ]
touch -d @1 d/f; [ "$(stat -c %Y d/f)" = 1 ]
(umask 0; mkdir w; echo x > w/x); [ "$(stat -c %a w w/x)" = "$(printf '777\n666')" ]
mkdir g; chgrp 77 g; chmod 2775 g; mkdir g/d; : > g/f; [ "$(stat -c %g:%a g/d)" = 77:2755 ]; [ "$(stat -c %g g/f)" = 77 ]
tar cf - c | tar xf - -C w; diff -r c w/c
df . >/dev/null
for i in $(seq 500); do : > c/n$i; done; [ "$(ls c | wc -l)" = 501 ]; [ "$(find c | wc -l)" = 502 ]
rm -r ./*; [ -z "$(ls -A)" ]
`

// withData moves data as go-fuse has it: in a session the device does that by itself.
type withData struct{ *fileSystem }

func (w withData) Read(_ <-chan struct{}, in *fuse.ReadIn, p []byte) (fuse.ReadResult, fuse.Status) {
	n := 0
	s := w.with(in.Fh, func(fd int) (err error) {
		n, err = unix.Pread(fd, p, int64(in.Offset))
		return err
	})
	return fuse.ReadResultData(p[:max(n, 0)]), s
}

func (w withData) Write(_ <-chan struct{}, in *fuse.WriteIn, p []byte) (uint32, fuse.Status) {
	n := 0
	s := w.with(in.Fh, func(fd int) (err error) {
		n, err = unix.Pwrite(fd, p, int64(in.Offset))
		return err
	})
	return uint32(max(n, 0)), s
}

// This host's kernel is the guest's: it mounts the file system, without the device.
func TestHostKernel(t *testing.T) {
	if _, err := os.Stat("/dev/fuse"); err != nil || os.Geteuid() != 0 {
		t.Skipf("no mount of FUSE: /dev/fuse %v, user %d; run as root, with the module fuse", err, os.Geteuid())
	}
	dir, at := t.TempDir(), t.TempDir()
	root, err := openRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := newFileSystem(newTable(root, 2000, 100), false)
	defer files.close()
	server, err := fuse.NewServer(withData{files}, at, &fuse.MountOptions{
		DirectMountStrict: true, DisabledCapabilities: off, MaxWrite: maxWrite, Options: []string{"default_permissions"},
	})
	if err != nil {
		t.Skipf("no mount of FUSE: %v; run with CAP_SYS_ADMIN", err)
	}
	go server.Serve()
	out, err := exec.Command("sh", "-exc", work, "sh", at).CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	if err := server.Unmount(); err != nil {
		t.Error(err)
	}
}
