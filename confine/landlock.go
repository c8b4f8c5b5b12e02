package confine

import (
	"io/fs"

	"github.com/landlock-lsm/go-landlock/landlock"
	access "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

const (
	readFile = landlock.AccessFSSet(access.AccessFSReadFile)
	readDir  = landlock.AccessFSSet(access.AccessFSReadFile | access.AccessFSReadDir)

	// A file that is opened for writing may be truncated by that.
	writeFile = readFile | landlock.AccessFSSet(access.AccessFSWriteFile|access.AccessFSTruncate)

	// Not to be made are devices, which are other people's data.
	writeDir = readDir | writeFile | landlock.AccessFSSet(access.AccessFSRemoveDir|access.AccessFSRemoveFile|
		access.AccessFSMakeDir|access.AccessFSMakeReg|access.AccessFSMakeSym|
		access.AccessFSMakeSock|access.AccessFSMakeFifo|access.AccessFSRefer)

	device = landlock.AccessFSSet(access.AccessFSIoctlDev)
)

// rights are what a place allows. Nothing may be executed.
func (p *place) rights() landlock.AccessFSSet {
	switch dir := p.mode.IsDir(); {
	case dir && p.writeable:
		return writeDir
	case dir:
		return readDir
	case p.writeable && p.isDevice():
		return writeFile | device
	case p.writeable:
		return writeFile
	}
	return readFile
}

// restrictFiles has Landlock keep the process from everything that this version
// knows of, except the places.
func restrictFiles(version int, places []place, network Network) error {
	config := landlockConfig(version, network)
	var rules []landlock.Rule
	for _, p := range places {
		rules = append(rules, landlock.PathAccess(p.rights()&config.HandledAccessFS, p.path))
	}
	return config.Restrict(rules...)
}

// landlockConfig is what is taken from the process before rules give some of it back.
func landlockConfig(version int, network Network) landlock.Config {
	known := []landlock.Config{
		minLandlock: landlock.V2, landlock.V3, landlock.V4, landlock.V5, landlock.V6,
		landlock.V7, landlock.V8, landlock.V9, landlock.V10, landlock.V11,
	}
	config := known[min(version, len(known)-1)]
	// Signals are left to seccomp. Kernels had the threads of a process that was
	// confined one thread at a time keep signals from each other (Landlock's erratum
	// 2): Go could not preempt its goroutines, and no vCPU could be kicked.
	config.Scoped &= landlock.ScopedSet(access.ScopeAbstractUnixSocket)
	switch network {
	case Outgoing:
		config.HandledAccessNet &= landlock.AccessNetSet(access.AccessNetBindTCP)
	case Listening:
		config.HandledAccessNet = 0
	}
	return config
}

func (p *place) isDevice() bool { return p.mode&fs.ModeDevice != 0 }
