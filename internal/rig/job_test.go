package rig

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestJobs runs all kinds of jobs in one boot.
func TestJobs(t *testing.T) {
	l := lane(t, "amd64-6.1")
	need(t)
	s, err := Boot(t.Context(), Options{
		Lane: l, Fetch: FetchOptions{Progress: progress{t}},
		Files: []File{
			victimFile(t, l),
			{Guest: "/work/data/hello", Data: []byte("hello from the host")},
			{Guest: "/work/empty/"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Linux %s, ready after %v, its uptime %v", s.Kernel.Release, s.BootTime, s.GuestUptime())
	t.Run("kvm", s.testKVM)
	t.Run("status", s.testStatus)
	t.Run("signal", s.testSignal)
	t.Run("hang", s.testHang)
	t.Run("input", s.testInput)
	t.Run("terminal", s.testTerminal)
	t.Run("environment", s.testEnvironment)
	t.Run("files", s.testFiles)
	t.Run("flood", s.testFlood)
	t.Run("orphan", s.testOrphan)
	t.Run("no program", s.testNoProgram)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := s.Run(t.Context(), Job{Args: []string{"victim", "kvm"}}); !errors.Is(err, ErrClosed) {
		t.Errorf("Run after Close: %v", err)
	}
	select {
	case <-s.qemu.done:
	default:
		t.Error("QEMU still runs after Close")
	}
}

// act runs the victim and returns its result.
func (s *Session) act(t *testing.T, job Job) *Result {
	t.Helper()
	if job.Timeout == 0 {
		job.Timeout = time.Minute
	}
	job.Args = append([]string{"victim"}, job.Args...)
	r, err := s.Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range r.KernelWarnings {
		t.Errorf("kernel: %s", w)
	}
	return r
}

func (s *Session) testKVM(t *testing.T) {
	r := s.act(t, Job{Args: []string{"kvm"}})
	if !r.Passed() || string(r.Output) != "KVM API version 12\n" || r.Duration <= 0 {
		t.Errorf("%+v, output %q", r, r.Output)
	}
}

func (s *Session) testStatus(t *testing.T) {
	if r := s.act(t, Job{Args: []string{"exit3"}}); r.ExitCode != 3 || r.Passed() {
		t.Errorf("%+v", r)
	}
}

func (s *Session) testSignal(t *testing.T) {
	if r := s.act(t, Job{Args: []string{"kill"}}); r.ExitCode != -1 || r.Signal != 9 || r.Passed() {
		t.Errorf("%+v", r)
	}
}

// testHang has a Go program time out: SIGQUIT makes it print its goroutines.
func (s *Session) testHang(t *testing.T) {
	r := s.act(t, Job{Args: []string{"sleep"}, Timeout: time.Second})
	if !r.TimedOut || r.Passed() || !bytes.Contains(r.Output, []byte("main.main()")) {
		t.Errorf("status %d, signal %d, timed out %v, output %q", r.ExitCode, r.Signal, r.TimedOut, r.Output)
	}
	if r.Duration < time.Second || r.Duration > 30*time.Second {
		t.Errorf("took %v", r.Duration)
	}
}

func (s *Session) testInput(t *testing.T) {
	var out, errs bytes.Buffer
	r := s.act(t, Job{Args: []string{"echo"}, Stdin: strings.NewReader("a\nb c\n"), Stdout: &out, Stderr: &errs})
	const want = "got \"a\"\ngot \"b c\"\n"
	if !r.Passed() || out.String() != want || string(r.Output) != want || errs.Len() > 0 {
		t.Errorf("%+v, %q, %q", r, out.String(), errs.String())
	}
	if r := s.act(t, Job{Args: []string{"echo"}}); !r.Passed() || len(r.Output) > 0 {
		t.Errorf("no input: %+v, output %q", r, r.Output)
	}
}

// testTerminal types a line and an end of file at a terminal, which echoes.
func (s *Session) testTerminal(t *testing.T) {
	in, typed := io.Pipe()
	go func() {
		// The test sees it if this does not arrive.
		_, _ = io.WriteString(typed, "typed\n")
		_, _ = typed.Write([]byte{4})
	}()
	defer typed.Close()
	r := s.act(t, Job{Args: []string{"echo"}, Stdin: in, TTY: &TTY{Rows: 24, Cols: 80}})
	if !r.Passed() || !strings.HasPrefix(string(r.Output), "typed\r\n") || !strings.Contains(string(r.Output), "got \"typed\"\r\n") {
		t.Errorf("%+v, output %q", r, r.Output)
	}
}

func (s *Session) testEnvironment(t *testing.T) {
	r := s.act(t, Job{Args: []string{"environ"}, Dir: "/work", Env: []string{"EXTRA=more"}})
	if want := "/work /tmp more \"hello from the host\"\n"; !r.Passed() || string(r.Output) != want {
		t.Errorf("%+v, output %q, want %q", r, r.Output, want)
	}
}

func (s *Session) testFiles(t *testing.T) {
	r := s.act(t, Job{Args: []string{"files"}, Collect: []string{"/tmp/out", "/tmp/absent"}})
	if !r.Passed() || len(r.Files) != 3 {
		t.Fatalf("%+v, output %q", r.ExitCode, r.Output)
	}
	if string(r.Files["/tmp/out/small"]) != "abc" || len(r.Files["/tmp/out/empty"]) != 0 {
		t.Errorf("small files: %q, %q", r.Files["/tmp/out/small"], r.Files["/tmp/out/empty"])
	}
	big := r.Files["/tmp/out/sub/big"]
	if len(big) != 8<<20 {
		t.Fatalf("big file: %d bytes", len(big))
	}
	for i, b := range big {
		if b != byte(i*31>>3) {
			t.Fatalf("big file differs at %d", i)
		}
	}
}

func (s *Session) testFlood(t *testing.T) {
	start := time.Now()
	r := s.act(t, Job{Args: []string{"flood"}})
	if !r.Passed() || len(r.Output) != 16<<20 || bytes.Count(r.Output, []byte("\n")) != 256 {
		t.Errorf("%d bytes, status %d", len(r.Output), r.ExitCode)
	}
	t.Logf("16 MiB of output in %v", time.Since(start))
}

func (s *Session) testOrphan(t *testing.T) {
	r := s.act(t, Job{Args: []string{"orphan"}})
	if !r.Passed() || !slices.Equal(r.Leftover, []string{"/proc/self/exe sleep"}) {
		t.Errorf("%+v", r)
	}
	if r := s.act(t, Job{Args: []string{"kvm"}}); len(r.Leftover) > 0 {
		t.Errorf("the next job has leftovers: %v", r.Leftover)
	}
}

func (s *Session) testNoProgram(t *testing.T) {
	r, err := s.Run(t.Context(), Job{Args: []string{"nonesuch"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Passed() || !strings.Contains(string(r.Output), "no program nonesuch") {
		t.Errorf("%+v, output %q", r, r.Output)
	}
}

func TestMain(m *testing.M) {
	if os.Getenv("RIG_TEST_PARENT") != "" {
		parentProcess()
	}
	os.Exit(m.Run())
}
