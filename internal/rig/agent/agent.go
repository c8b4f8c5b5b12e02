// Package agent is what runs in the rig's guests: process 1, and the process
// that takes jobs from the host.
//
// They are two processes because process 1 has to reap every orphan with
// wait4(-1), which would take the exit status of a job from under os/exec.
package agent

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/rig/wire"
)

// agentArg tells the second process from the first.
const agentArg = "agent"

// Main is the whole program.
func Main() {
	if len(os.Args) > 1 && os.Args[1] == agentArg {
		if err := serve(); err != nil {
			fmt.Fprintf(os.Stderr, "%s%v\n", wire.FatalPrefix, err)
			os.Exit(1)
		}
		return
	}
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "riginit is the /init of the rig's guests; start `rig` instead")
		os.Exit(2)
	}
	initProcess()
}

// initProcess is process 1: it mounts, starts the agent, reaps until the agent
// ends and powers off.
func initProcess() {
	problems := mountAll()
	if err := reapUntil(problems); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", wire.FatalPrefix, err)
	}
	unix.Sync()
	// With panic=-1 and -no-reboot on the host, an end of process 1 would end
	// the guest as well, but as a kernel panic.
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	fmt.Fprintf(os.Stderr, "%spower off: %v\n", wire.FatalPrefix, err)
	time.Sleep(time.Hour)
}

// reapUntil starts the agent and reaps children until the agent has ended.
func reapUntil(problems []string) error {
	note, err := json.Marshal(problems)
	if err != nil {
		return err
	}
	agent, err := os.StartProcess("/proc/self/exe", []string{"rig-agent", agentArg, string(note)},
		&os.ProcAttr{Env: os.Environ(), Dir: "/", Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("wait for children: %w", err)
		case pid == agent.Pid && status.Exited():
			// It has said on the console why if that was not 0.
			return nil
		case pid == agent.Pid && status.Signaled():
			return fmt.Errorf("the agent was killed by signal %d (%v)", status.Signal(), status.Signal())
		}
	}
}

// serve is the agent: it greets the host and runs jobs until told to stop.
func serve() error {
	var problems []string
	if len(os.Args) > 2 {
		if err := json.Unmarshal([]byte(os.Args[2]), &problems); err != nil {
			return err
		}
	}
	problems = append(problems, loadModules()...)
	if err := holdKVM(); err != nil {
		problems = append(problems, "holding KVM: "+err.Error())
	}
	if err := loopbackUp(); err != nil {
		problems = append(problems, err.Error())
	}
	port, err := openPort()
	if err != nil {
		return err
	}
	conn := wire.NewConn(port, port)
	if err := conn.SendMessage(wire.Hello, hello(problems)); err != nil {
		return err
	}
	go forwardKernelLog(conn)
	return (&server{conn: conn}).loop()
}

func hello(problems []string) wire.HelloMessage {
	m := wire.HelloMessage{Problems: problems, UptimeSeconds: uptime()}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err == nil {
		m.Release = unix.ByteSliceToString(uts.Release[:])
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err == nil {
		m.CPUs = set.Count()
	}
	_, err := os.Stat("/dev/kvm")
	m.KVM = err == nil
	return m
}

func uptime() float64 {
	b, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0
	}
	var seconds float64
	if _, err := fmt.Sscan(string(b), &seconds); err != nil {
		return 0
	}
	return seconds
}
