package usernet

import "context"

// ReadPacketContext is ReadPacket until ctx ends.
func (n *Network) ReadPacketContext(ctx context.Context, p []byte) (int, error) {
	n.mu.Lock()
	n.session = ctx
	n.mu.Unlock()
	return n.ReadPacket(p)
}
