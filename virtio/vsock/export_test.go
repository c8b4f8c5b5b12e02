package vsock

import "time"

// SetPatience shortens how long a guest may take.
func (d *Device) SetPatience(end, drain time.Duration) { d.closeTime, d.drainTime = end, drain }

// Load says what the device keeps: connections that count, packets that wait.
func (d *Device) Load() (open, sendable, stray int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open, len(d.sendable), len(d.stray)
}

// What a guest is bound to.
const (
	BufferSize = bufferSize
	MaxStray   = maxStray
	Backlog    = backlogSize
)
