package suite

import (
	"os"
	"path/filepath"

	"linuxkvm/internal/rig"
)

// saveTrace writes what a test recorded of its ioctls. The files of a lane are in
// one directory: their names hold the test binary's and a process id.
func (r *runner) saveTrace(l preparedLane, t binary, result *rig.Result) error {
	if r.TraceDir == "" {
		return nil
	}
	dir := filepath.Join(r.TraceDir, l.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return saveFiles(dir, t.traceDir(), result)
}
