package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Fetch returns the paths of the .deb files that the request resolves to, in the
// order of the request with every package after those it depends on. They stay
// in cacheDir and must not be changed. Processes may share a cacheDir; they wait
// for each other. progress gets a line for every step that takes time and may be
// nil. A package that the suite does not have is a *NotFoundError.
func Fetch(ctx context.Context, req Request, cacheDir string, progress io.Writer) ([]string, error) {
	if progress == nil {
		progress = io.Discard
	}
	if err := req.validate(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cacheDir)
	if err != nil {
		return nil, fmt.Errorf("debian: %w", err)
	}
	unlock, err := lock(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	c := cache{dir: dir}
	warm, age := c.lookup(req)
	if warm != nil && (req.MaxAge == 0 || age < req.MaxAge) {
		return warm, nil
	}
	paths, err := c.fill(ctx, req, progress)
	var missing *NotFoundError
	if err != nil && warm != nil && ctx.Err() == nil && !errors.As(err, &missing) {
		fmt.Fprintf(progress, "debian: %v: using the answer of %s ago: %v\n", req, age.Round(time.Minute), err)
		return warm, nil
	}
	return paths, err
}

// fill asks the mirror and downloads what is not there yet.
func (c cache) fill(ctx context.Context, req Request, progress io.Writer) ([]string, error) {
	a, err := newApt(ctx, c, req)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "debian: package lists of %s, %s\n", req.Suite, req.Arch)
	if err := a.update(ctx); err != nil {
		return nil, err
	}
	files, err := a.find(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.debs(), 0o755); err != nil {
		return nil, fmt.Errorf("debian: %w", err)
	}
	if err := c.complete(ctx, a, files, progress); err != nil {
		return nil, err
	}
	return c.remember(req, files)
}

// find returns the files that the request resolves to.
func (a *apt) find(ctx context.Context, req Request) ([]file, error) {
	resolve := a.resolve
	if req.Closure {
		resolve = a.closure
	}
	wanted, err := resolve(ctx, req)
	if err != nil {
		return nil, err
	}
	return a.locate(ctx, wanted)
}

// complete downloads the files that are not there or not whole.
func (c cache) complete(ctx context.Context, a *apt, files []file, progress io.Writer) error {
	var missing []file
	var size int64
	for _, f := range files {
		if c.verify(f) != nil {
			missing = append(missing, f)
			size += f.Size
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		fmt.Fprintf(progress, "debian: %s, %.1f MB\n", missing[0].Name, float64(size)/1e6)
	default:
		fmt.Fprintf(progress, "debian: %s and %d more packages, %.1f MB\n", missing[0].Name, len(missing)-1, float64(size)/1e6)
	}
	if err := a.download(ctx, missing); err != nil {
		return err
	}
	for _, f := range missing {
		if err := c.verify(f); err != nil {
			return err
		}
	}
	return nil
}
