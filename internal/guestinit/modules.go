package guestinit

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// loadModules loads the modules, in their order.
func (g *guest) loadModules() error {
	for _, m := range g.config.Modules {
		err := loadModule(m)
		if err != nil && !m.Optional {
			return fmt.Errorf("module %s: %w", m.Path, err)
		}
	}
	// What is loaded is not needed in memory twice.
	g.problem("modules", os.RemoveAll(ModuleDir))
	return nil
}

func loadModule(m Module) error {
	f, err := os.Open(m.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), m.Params, 0); !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}
