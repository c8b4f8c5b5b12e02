package rig

import (
	"fmt"
	"os"
	"path/filepath"
)

// CacheEnv names the variable that overrides the cache directory.
const CacheEnv = "LINUXKVM_CACHE"

// CacheDir returns the directory that downloads are kept in.
func CacheDir() (string, error) {
	if dir := os.Getenv(CacheEnv); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("rig: no cache directory (%w): set %s to one", err, CacheEnv)
	}
	return filepath.Join(dir, "linuxkvm"), nil
}
