package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"linuxkvm/internal/tinykernel"
)

// startError is a command line that starts no machine.
type startError struct {
	name string
	args []string
	want status
	says []string // what happened, and what to do
}

// TestStartErrors runs the command into everything that keeps a machine from
// starting: one line on standard error that says what to do, and the status.
func TestStartErrors(t *testing.T) {
	needKVM(t)
	dir := t.TempDir()
	good := tiny(t)
	for _, c := range append([]startError{
		{"no kernel", []string{}, statusUsage, []string{"no kernel", "--kernel"}},
		{"missing kernel", []string{"--kernel", filepath.Join(dir, "none")}, statusFailed, []string{"no such file", "--kernel"}},
		{"missing initrd", []string{"--kernel", good, "--initrd", filepath.Join(dir, "none")}, statusFailed, []string{"initrd", "no such file", "--initrd"}},
		{"directory", []string{"--kernel", dir}, statusFailed, []string{"directory", "--kernel"}},
		{"directory as initrd", []string{"--kernel", good, "--initrd", dir}, statusFailed, []string{"initrd", "directory"}},
		{"path through a file", []string{"--kernel", good + "/x"}, statusFailed, []string{"not a directory", "--kernel"}},
		{"empty", []string{"--kernel", file(t, "empty", nil)}, statusFailed, []string{"empty"}},
		{"text", []string{"--kernel", file(t, "text", []byte(strings.Repeat("no kernel\n", 500)))}, statusFailed, []string{"text", "pass"}},
		{"empty initrd", []string{"--kernel", good, "--initrd", file(t, "initrd", nil)}, statusFailed, []string{"initrd"}},
		{"initrd does not fit", []string{"--kernel", good, "--memory", "8M", "--initrd", file(t, "big", make([]byte, 16<<20))}, statusFailed, []string{"--memory", "memory too small", "MiB"}},
		{"no memory", []string{"--kernel", good, "--memory", "0M"}, statusUsage, []string{"--memory", "64M"}},
		{"odd memory", []string{"--kernel", good, "--memory", "8388609B"}, statusUsage, []string{"--memory 8388609B", "multiple"}},
		{"memory beyond the host", []string{"--kernel", good, "--memory", "4000T"}, statusUsage, []string{"--memory", "at most 32T"}},
		{"bad size", []string{"--kernel", good, "--memory", "512X"}, statusUsage, []string{"--memory", "512X", "512M", "1GiB"}},
		{"size without unit", []string{"--kernel", good, "--memory", "512"}, statusUsage, []string{"--memory", "512M"}},
		{"no vCPUs", []string{"--kernel", good, "--cpus", "0"}, statusUsage, []string{"--cpus", "1 to 8"}},
		{"negative vCPUs", []string{"--kernel", good, "--cpus", "-1"}, statusUsage, []string{"--cpus", "1 to 8"}},
		{"too many vCPUs", []string{"--kernel", good, "--cpus", "9"}, statusUsage, []string{"--cpus", "1 to 8", "not 9"}},
		{"far too many vCPUs", []string{"--kernel", good, "--cpus", "99999999999999999999"}, statusUsage, []string{"--cpus", "1 to 8"}},
		{"vCPUs in words", []string{"--kernel", good, "--cpus", "two"}, statusUsage, []string{"--cpus", "number", "1 to 8"}},
		{"long command line", []string{"--kernel", good, "--cmdline", strings.Repeat("x", 5000)}, statusFailed, []string{"--cmdline", "shorten"}},
		{"newline in the command line", []string{"--kernel", good, "--cmdline", "a\nb"}, statusFailed, []string{"--cmdline", "remove"}},
		{"port without a command", []string{"--kernel", good, "-p", "80:80"}, statusUsage, []string{"--publish", "no command"}},
		{"network without a command", []string{"--kernel", good, "--net", "none"}, statusUsage, []string{"--net", "no command"}},
		{"unknown flag", []string{"--kernal", good}, statusUsage, []string{"--kernal", "microvm run --help"}},
		{"argument", []string{good}, statusUsage, []string{good}},
	}, ownStartErrors(t, good)...) {
		t.Run(c.name, func(t *testing.T) {
			got := finish(t, command(t, append([]string{"run"}, c.args...)...))
			checkError(t, got, c.want, c.says...)
		})
	}
}

// checkError demands one line on standard error and nothing on standard output.
func checkError(t *testing.T, got outcome, want status, says ...string) {
	t.Helper()
	if got.status != int(want) {
		t.Errorf("status %d, want %d", got.status, want)
	}
	if got.stdout != "" {
		t.Errorf("standard output: %q", got.stdout)
	}
	text := withoutWarning(got.stderr)
	if !strings.HasPrefix(text, "microvm: ") || strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") {
		t.Errorf("not one line of the command: %q", got.stderr)
	}
	for _, say := range says {
		if !strings.Contains(text, say) {
			t.Errorf("does not say %q: %s", say, text)
		}
	}
	for _, inside := range []string{" machine: ", " kvm: ", "strconv", "%!"} {
		if strings.Contains(text, inside) {
			t.Errorf("says %q: %s", inside, text)
		}
	}
}

// TestUnreadableKernel needs a user without privileges: root reads everything.
func TestUnreadableKernel(t *testing.T) {
	j := newJail(t)
	j.write(t, "kernel", tinykernel.Image(), 0)
	got := finish(t, j.command(t, "run", "--kernel", "/kernel"))
	checkError(t, got, statusFailed, "no permission", "readable")
}

// TestKVMMissing: every command that needs it says so.
func TestKVMMissing(t *testing.T) {
	for name, c := range map[string]struct {
		device func(*testing.T, *jail)
		says   []string
	}{
		"no device":     {func(*testing.T, *jail) {}, []string{"/dev/kvm", "no such file", "modprobe"}},
		"no permission": {func(t *testing.T, j *jail) { j.write(t, "dev/kvm", nil, 0) }, []string{"/dev/kvm", "permission denied", "group"}},
		"not a device":  {func(t *testing.T, j *jail) { j.write(t, "dev/kvm", nil, 0o666) }, []string{"KVM"}},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJail(t)
			j.write(t, "kernel", tinykernel.Image(), 0o644)
			c.device(t, j)
			for _, args := range [][]string{{"info"}, {"run", "--kernel", "/kernel"}} {
				checkError(t, finish(t, j.command(t, args...)), statusFailed, c.says...)
			}
			checkErrorJSON(t, finish(t, j.command(t, "info", "--json")), c.says)
		})
	}
}

// jail is a root directory of its own, and a user who owns nothing else.
type jail struct{ dir string }

func newJail(t *testing.T) *jail {
	t.Helper()
	j := &jail{t.TempDir()}
	run := filepath.Join(j.dir, "run")
	err := errors.Join(os.Chmod(j.dir, 0o755), os.Mkdir(filepath.Join(j.dir, "dev"), 0o755), os.Mkdir(run, 0o755), os.Chmod(run, 0o777))
	if err != nil {
		t.Fatal(err)
	}
	if isDynamic(t) {
		const remedy = "needs a static test binary to run in a root directory of its own: set CGO_ENABLED=0"
		if os.Getenv("KVM_TEST_REQUIRE") == "1" {
			t.Fatal(remedy)
		}
		t.Skip(remedy)
	}
	if err := copyFile(filepath.Join(j.dir, "microvm"), "/proc/self/exe"); err != nil {
		t.Fatal(err)
	}
	return j
}

func (j *jail) write(t *testing.T, name string, content []byte, perm os.FileMode) {
	t.Helper()
	path := filepath.Join(j.dir, name)
	if err := errors.Join(os.WriteFile(path, content, 0o600), os.Chmod(path, perm)); err != nil {
		t.Fatal(err)
	}
}

// command is microvm in the jail. Root becomes somebody else; who is nobody
// special needs a user namespace for a root directory.
func (j *jail) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := command(t, args...)
	cmd.Path, cmd.Dir = "/microvm", "/"
	// The recorder of ioctls, if there is one, has nowhere to write in there.
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(v string) bool { return strings.HasPrefix(v, "KVM_TEST_TRACE=") })
	cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR=/run")
	attr := &syscall.SysProcAttr{Chroot: j.dir}
	if uid, gid := os.Getuid(), os.Getgid(); uid == 0 {
		attr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	} else {
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	}
	cmd.SysProcAttr = attr
	return cmd
}

// isDynamic reports whether this binary needs a loader and libraries.
func isDynamic(t *testing.T) bool {
	t.Helper()
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// TestUsageErrors: what is wrong with the command line is status 2.
func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"boot"}, {"--bad"}, {"info", "--bad"}, {"info", "extra"}, {"version", "extra"}, {"man"}, {"completion", "tcsh"},
	} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			checkError(t, finish(t, command(t, args...)), statusUsage)
		})
	}
}

func TestSentenceDropsPackages(t *testing.T) {
	for in, want := range map[string]string{
		"machine: kvm: open /dev/kvm: no": "open /dev/kvm: no",
		"kernel x: machine: y":            "kernel x: machine: y",
		"plain":                           "plain",
	} {
		if got := sentence(errors.New(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if sentence(nil) != "" {
		t.Error("nil has a text")
	}
}
