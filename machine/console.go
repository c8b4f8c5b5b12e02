package machine

import (
	"context"
	"io"
)

// consoleInput is what is typed on the guest's console.
type consoleInput struct{ from io.Reader }

// start feeds the port until the input or the context ends. A Read that blocks
// for ever keeps its goroutine, and nothing else, as Config.ConsoleIn says.
func (c consoleInput) start(ctx context.Context, port serialPort) {
	if c.from == nil {
		return
	}
	go func() { _ = port.PumpInput(ctx, c.from) }()
}
