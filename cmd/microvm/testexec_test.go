package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inGuest tells TestInGuest, which test-exec runs in a guest, what to do there.
const inGuest = "MICROVM_TEST_IN_GUEST"

// isTestOfGuest reports whether this is that test, started with the environment of a
// command.
func isTestOfGuest() bool {
	return len(os.Args) > 1 && os.Args[1] == "-test.run=^TestInGuest$"
}

// TestInGuest is not for this system but for the guests of TestTestExec.
func TestInGuest(t *testing.T) {
	what := os.Getenv(inGuest)
	if what == "" {
		t.Skip("runs in a guest that TestTestExec makes; make test-lanes runs that")
	}
	name, err := os.Hostname()
	if err != nil || name != "microvm" || os.Getuid() != 0 {
		t.Errorf("on %q as user %d, %v", name, os.Getuid(), err)
	}
	if b, err := os.ReadFile("fixture"); err != nil || string(b) != "of the host" {
		t.Errorf("the host's file: %q, %v", b, err)
	}
	if err := errors.Join(os.WriteFile("written", nil, 0o600), os.WriteFile("fixture", []byte("changed"), 0o600)); err != nil {
		t.Error(err)
	}
	if dir := os.Getenv("GOCOVERDIR"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "covcounters"), []byte("counted"), 0o600); err != nil {
			t.Error(err)
		}
	}
	switch what {
	case "fail":
		t.Error("as asked")
	case "hang":
		fmt.Println("hanging")
		time.Sleep(patience)
	}
}

// TestTestExec runs tests of this very binary in guests.
func TestTestExec(t *testing.T) {
	kernel := oneKernel(t)
	for what, c := range map[string]struct {
		status int
		stdout []string
		stderr string
	}{
		"pass": {0, []string{"--- PASS: TestInGuest", "\nPASS\n"}, ""},
		"fail": {1, []string{"--- FAIL: TestInGuest", "as asked", "\nFAIL\n"}, ""},
		"hang": {2, []string{"hanging\n"}, "SIGQUIT: quit"},
	} {
		t.Run(what, func(t *testing.T) {
			dir, coverDir := t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "fixture"), []byte("of the host"), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := command(t, "test-exec", "--kernel", kernel, "--memory", "512M", "--cpus", "1", testBinary(t),
				"-test.run=^TestInGuest$", "-test.v", "-test.cpuprofile=cpu.out", "-test.timeout=10m")
			cmd.Dir = dir
			cmd.Env = append(cmd.Env, inGuest+"="+what, "GOCOVERDIR="+coverDir,
				testVariable("modules")+"="+filepath.Join("/kernel-modules", filepath.Base(kernel)))
			var stdout, stderr transcript
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if what == "hang" {
				stdout.waitFor(t, "hanging")
				if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
					t.Fatal(err)
				}
			}
			if status := wait(t, cmd); status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			for _, want := range c.stdout {
				if !strings.Contains(stdout.String(), want) {
					t.Errorf("standard output does not say %q", want)
				}
			}
			if !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("standard error does not say %q", c.stderr)
			}
			if what == "hang" && !strings.Contains(stderr.String(), "TestInGuest") {
				t.Error("no goroutines of the guest")
			}
			if t.Failed() {
				t.Logf("standard output:\n%s\nstandard error:\n%s", stdout.String(), stderr.String())
			}
			checkFile(t, filepath.Join(dir, "fixture"), "of the host")
			if _, err := os.Stat(filepath.Join(dir, "written")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("written on the host: %v", err)
			}
			checkFile(t, filepath.Join(coverDir, "covcounters"), "counted")
			if info, err := os.Stat(filepath.Join(dir, "cpu.out")); err != nil || what != "hang" && info.Size() == 0 {
				t.Errorf("cpu.out: %v, %v", info, err)
			}
		})
	}
}

// testBinary is this one, by a name that it has in the guest too.
func testBinary(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}

func checkFile(t *testing.T, path, want string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != want {
		t.Errorf("%s: %q, %v; want %q", path, b, err, want)
	}
}

func TestTestExecErrors(t *testing.T) {
	for _, c := range []struct {
		env  string
		args []string
		want status
		say  string
	}{
		{"", nil, statusUsage, "no test binary"},
		{"", []string{"no-such.test"}, statusNotRun, "no-such.test: no such file"},
		{testVariable("cpus") + "=0", []string{testBinary(t)}, statusUsage, "MICROVM_TEST_CPUS=0: a machine has 1 to"},
		{testVariable("kernel") + "=/no/such/kernel", []string{testBinary(t)}, statusNotRun, "/no/such/kernel"},
		{"", []string{"--memory", "1", testBinary(t)}, statusUsage, "--memory"},
	} {
		cmd := command(t, append([]string{"test-exec"}, c.args...)...)
		if c.env != "" {
			cmd.Env = append(cmd.Env, c.env)
		}
		check(t, finish(t, cmd), c.want, "", c.say)
	}
}

func TestFindOutputs(t *testing.T) {
	dir := resolved(t.TempDir())
	link := filepath.Join(dir, "link")
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args  string
		cover string
		want  []output
	}{
		{"-test.v -test.run=X", "", nil},
		{"-test.coverprofile=/w/c.out", "", []output{{"/w/c.out", false}}},
		{"-test.cpuprofile=cpu.out", "", []output{{dir + "/cpu.out", false}}},
		{"-test.outputdir=out -test.cpuprofile=cpu.out -test.trace /t", "", []output{{dir + "/out/cpu.out", false}, {"/t", false}}},
		{"--test.outputdir /o -test.memprofile mem.out -test.testlogfile=log", "", []output{{"/o/mem.out", false}, {dir + "/log", false}}},
		{"-test.gocoverdir=/c", "", []output{{"/c", true}}},
		{"", "/c", []output{{"/c", true}}},
		{"-test.gocoverdir=/c", "/c", []output{{"/c", true}}},
		{"-test.fuzz=F -test.fuzzcachedir=/f", "", []output{{"/f", true}, {dir + "/testdata/fuzz", true}}},
		{"-test.artifacts -test.outputdir=/o", "", []output{{"/o/_artifacts", true}}},
		{"-test.artifacts=false", "", nil},
		{"-test.coverprofile=link/c.out", "", []output{{dir + "/real/c.out", false}}},
		{"-- -test.coverprofile=/w/c.out", "", nil},
		{"-mine -test.coverprofile=/w/c.out", "", []output{{"/w/c.out", false}}},
	} {
		if got := findOutputs(dir, strings.Fields(c.args), c.cover); !slices.Equal(got, c.want) {
			t.Errorf("%s (GOCOVERDIR %q): %+v; want %+v", c.args, c.cover, got, c.want)
		}
	}
}

// What a guest says cannot lead elsewhere.
func TestOutputUnpack(t *testing.T) {
	pack := func(headers ...tar.Header) *tar.Reader {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			h.Size = 0
			if h.Typeflag == tar.TypeReg {
				h.Size = 2
			}
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if h.Size > 0 {
				if _, err := w.Write([]byte("ok")); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return tar.NewReader(&b)
	}
	base := t.TempDir()
	file := output{filepath.Join(base, "dir", "c.out"), false}
	if err := file.unpack(pack(tar.Header{Name: "c.out", Typeflag: tar.TypeReg})); err != nil {
		t.Error(err)
	}
	checkFile(t, file.path, "ok")
	for _, name := range []string{"d.out", "../c.out", "sub/c.out"} {
		if err := file.unpack(pack(tar.Header{Name: name, Typeflag: tar.TypeReg})); err == nil {
			t.Errorf("%s is taken for c.out", name)
		}
	}
	dir := output{filepath.Join(base, "many"), true}
	if err := dir.unpack(pack(tar.Header{Name: "./", Typeflag: tar.TypeDir}, tar.Header{Name: "sub/a", Typeflag: tar.TypeReg},
		tar.Header{Name: "gone", Typeflag: tar.TypeChar}, tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/"})); err != nil {
		t.Error(err)
	}
	checkFile(t, filepath.Join(dir.path, "sub/a"), "ok")
	if left, err := os.ReadDir(dir.path); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	if err := dir.unpack(pack(tar.Header{Name: "../b", Typeflag: tar.TypeReg})); err == nil {
		t.Error("../b is written")
	}
	// What the guest sees of the host is not written again.
	if err := os.Chtimes(filepath.Join(dir.path, "sub/a"), time.Time{}, time.Unix(7, 5)); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir.path, "sub/a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.unpack(pack(tar.Header{Name: "sub/a", Typeflag: tar.TypeReg, ModTime: time.Unix(7, 0)})); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(filepath.Join(dir.path, "sub/a")); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("%v, %v", after, err)
	}
	// A link of the host's own is not a way out either.
	if err := os.Symlink(base, filepath.Join(dir.path, "out")); err != nil {
		t.Fatal(err)
	}
	if err := dir.unpack(pack(tar.Header{Name: "out/b", Typeflag: tar.TypeReg})); err == nil {
		t.Error("out/b is written")
	}
	if _, err := os.Stat(filepath.Join(base, "b")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
