package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Kernel is a kernel image and its modules, as files.
type Kernel struct {
	// Image is the path of the bootable image.
	Image string
	// Modules is the directory of its modules, as /lib/modules/RELEASE is; empty for
	// a kernel that has what is needed built in.
	Modules string
}

// ErrNoKernel is wrapped by what finds no kernel.
var ErrNoKernel = errors.New("no kernel")

// HostKernel returns the running host's kernel and modules.
func HostKernel() (Kernel, error) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return Kernel{}, err
	}
	release := unix.ByteSliceToString(uts.Release[:])
	modules := moduleDir("/", release)
	var tried []string
	for _, image := range []string{
		"/boot/vmlinuz-" + release, "/boot/vmlinux-" + release, "/boot/Image-" + release,
		filepath.Join("/lib/modules", release, "vmlinuz"), filepath.Join("/usr/lib/modules", release, "vmlinuz"),
	} {
		f, err := os.Open(image)
		if err == nil {
			_ = f.Close() // only looked at
			return Kernel{image, modules}, nil
		}
		if errors.Is(err, fs.ErrPermission) {
			return Kernel{}, fmt.Errorf("linux: %s: no permission to read it; copy it to where this user may, and name that", image)
		}
		tried = append(tried, image)
	}
	return Kernel{}, fmt.Errorf("linux: %w of the running host, Linux %s, in %s; install one, such as Debian's linux-image-cloud-amd64, or name an image",
		ErrNoKernel, release, strings.Join(tried, ", "))
}

// OpenKernel returns the kernel in a file. Its modules are looked for where they are
// installed: lib/modules/RELEASE beside a boot directory, and on this host.
func OpenKernel(image string) (Kernel, error) {
	if _, err := os.Stat(image); err != nil {
		return Kernel{}, fmt.Errorf("linux: %w", err)
	}
	release := imageRelease(image)
	if release == "" {
		return Kernel{Image: image}, nil
	}
	for _, root := range []string{filepath.Dir(filepath.Dir(image)), filepath.Dir(image), "/"} {
		if dir := moduleDir(root, release); dir != "" {
			return Kernel{image, dir}, nil
		}
	}
	return Kernel{Image: image}, nil
}

// moduleDir returns the directory of a release's modules below root, "" if there is
// none.
func moduleDir(root, release string) string {
	for _, lib := range []string{"lib/modules", "usr/lib/modules"} {
		dir := filepath.Join(root, lib, release)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	return ""
}

// imageRelease returns what a kernel calls itself: a bzImage says so in its header,
// and others in the names that distributions give them.
func imageRelease(image string) string {
	if release := bzImageRelease(image); release != "" {
		return release
	}
	for _, prefix := range []string{"vmlinuz-", "vmlinux-", "Image-"} {
		if release, ok := strings.CutPrefix(filepath.Base(image), prefix); ok {
			return release
		}
	}
	return ""
}

// bzImageRelease reads the version of x86's boot protocol: at 0x20e, 0x200 less than
// the offset of a text whose first word it is.
func bzImageRelease(image string) string {
	f, err := os.Open(image)
	if err != nil {
		return ""
	}
	defer f.Close()
	var header [0x210]byte
	if _, err := f.ReadAt(header[:], 0); err != nil || string(header[0x202:0x206]) != "HdrS" {
		return ""
	}
	at := int64(binary.LittleEndian.Uint16(header[0x20e:])) + 0x200
	text := make([]byte, 256)
	n, err := f.ReadAt(text, at)
	if err != nil && err != io.EOF {
		return ""
	}
	release, _, _ := strings.Cut(unix.ByteSliceToString(text[:n]), " ")
	return release
}
