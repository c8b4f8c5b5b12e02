package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/rig/wire"
)

// loadModules loads what the boot configuration names and returns what failed.
func loadModules() []string {
	b, err := os.ReadFile(wire.BootConfigPath)
	if err != nil {
		return []string{err.Error()}
	}
	var config wire.BootConfig
	if err := json.Unmarshal(b, &config); err != nil {
		return []string{fmt.Sprintf("%s: %v", wire.BootConfigPath, err)}
	}
	var problems []string
	for _, m := range config.Modules {
		if err := loadModule(m); err != nil && !m.Optional {
			problems = append(problems, fmt.Sprintf("module %s: %v", m.Name, err))
		}
	}
	return problems
}

func loadModule(m wire.Module) error {
	f, err := os.Open(m.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.FinitModule(int(f.Fd()), m.Params, 0)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}
