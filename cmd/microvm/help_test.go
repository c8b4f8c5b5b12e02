package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"linuxkvm/machine"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing")

// TestHelp compares what the help says, word for word.
func TestHelp(t *testing.T) {
	for name, args := range map[string][]string{
		"help.txt":           {"--help"},
		"help-run.txt":       {"run", "--help"},
		"help-exec.txt":      {"exec", "--help"},
		"help-ps.txt":        {"ps", "--help"},
		"help-stop.txt":      {"stop", "--help"},
		"help-logs.txt":      {"logs", "--help"},
		"help-wait.txt":      {"wait", "--help"},
		"help-test-exec.txt": {"test-exec", "--help"},
		"help-info.txt":      {"info", "--help"},
		"help-man.txt":       {"man", "--help"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err bytes.Buffer
			if s := execute(args, os.Stdin, &out, &err); s != statusOK || err.Len() != 0 {
				t.Fatalf("status %d, stderr %q", s, err.String())
			}
			// The one word in which the architectures differ.
			golden(t, name, bytes.ReplaceAll(out.Bytes(), []byte(machine.ConsoleName), []byte("ttyS0")))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("not as in %s (go test -update writes it):\n%s", path, got)
	}
}

// TestStatusesAreDocumented: whatever the command can return is in the table.
func TestStatusesAreDocumented(t *testing.T) {
	documented := map[status]bool{}
	for _, s := range statuses {
		if documented[s.status] {
			t.Errorf("%d is there twice", s.status)
		}
		documented[s.status] = true
	}
	for ending, s := range endingStatus {
		if !documented[s] {
			t.Errorf("%v: status %d is not documented", ending, s)
		}
	}
	for _, s := range []status{statusOK, statusFailed, statusUsage, statusLeft} {
		if !documented[s] {
			t.Errorf("status %d is not documented", s)
		}
	}
}

func TestManPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man", "man1")
	got := finish(t, command(t, "man", dir))
	if got != (outcome{}) {
		t.Fatalf("%+v", got)
	}
	for page, want := range map[string][]string{
		"microvm.1":           {".TH", "microvm-run(1)", "microvm-info(1)"},
		"microvm-run.1":       {".TH", "--kernel", "--memory", "triple fault", "128+n", "Ctrl-A x", "--detach", "--egress"},
		"microvm-exec.1":      {".TH", "--workdir", "SIGQUIT"},
		"microvm-ps.1":        {".TH", "--format", "XDG_RUNTIME_DIR"},
		"microvm-stop.1":      {".TH", "--timeout", "SIGTERM"},
		"microvm-logs.1":      {".TH", "--follow", "8 MiB"},
		"microvm-wait.1":      {".TH", "exit status"},
		"microvm-test-exec.1": {".TH", "MICROVM_TEST_KERNEL", "-coverprofile"},
		"microvm-info.1":      {".TH", "--json"},
	} {
		source, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil {
			t.Error(err)
			continue
		}
		text := strings.ReplaceAll(string(source), "\\-", "-")
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s does not say %q:\n%s", page, w, text)
			}
		}
		// One line for each status: the table is not run together.
		if page == "microvm-run.1" {
			for _, s := range statuses {
				if !strings.Contains(text, s.words+"\n") {
					t.Errorf("%s: the line of status %d is not a line:\n%s", page, s.status, text)
				}
			}
		}
	}
	file := filepath.Join(dir, "microvm.1")
	if got := finish(t, command(t, "man", file)); got.status != int(statusFailed) || !strings.Contains(got.stderr, "not a directory") {
		t.Errorf("into a file: %+v", got)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		got := finish(t, command(t, "completion", shell))
		if got.status != 0 || got.stderr != "" || !strings.Contains(got.stdout, "microvm") {
			t.Errorf("%s: status %d, stderr %q", shell, got.status, got.stderr)
		}
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"commands":         {[]string{""}, "run\tRun a command"},
		"flags":            {[]string{"run", "--k"}, "--kernel\t"},
		"files":            {[]string{"run", "--kernel", ""}, ":0\n"}, // the shell's own completion
		"no files for cpu": {[]string{"run", "--cpus", ""}, ":4\n"},
		"directories":      {[]string{"man", ""}, ":16\n"},
	} {
		got := finish(t, command(t, append([]string{"__complete"}, c.args...)...))
		if got.status != 0 || !strings.Contains(got.stdout, c.want) {
			t.Errorf("%s: status %d, %q; want %q", name, got.status, got.stdout, c.want)
		}
	}
}

func TestVersion(t *testing.T) {
	got := finish(t, command(t, "version"))
	if got.status != 0 || !strings.HasPrefix(got.stdout, "microvm ") || !strings.Contains(got.stdout, "go1.") {
		t.Errorf("%+v", got)
	}
	for want, info := range map[string]*debug.BuildInfo{
		"unknown":                                                 nil,
		"v1.2.3, go1.26.0 linux/amd64":                            build("v1.2.3"),
		"(devel), go1.26.0 linux/amd64":                           build("(devel)"),
		"(devel) 0123456789ab, go1.26.0 linux/amd64":              build("(devel)", "vcs.revision", "0123456789abcdef", "vcs.modified", "false"),
		"(devel) 0123456789ab with changes, go1.26.0 linux/amd64": build("", "vcs.revision", "0123456789abcdef", "vcs.modified", "true"),
	} {
		if got := version(info); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func build(v string, settings ...string) *debug.BuildInfo {
	info := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: v}}
	for i := 0; i < len(settings); i += 2 {
		info.Settings = append(info.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
	}
	info.Settings = append(info.Settings, debug.BuildSetting{Key: "GOOS", Value: "linux"}, debug.BuildSetting{Key: "GOARCH", Value: "amd64"})
	return info
}
