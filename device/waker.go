package device

import "time"

// waker has a device looked at after a while, for what comes by itself. Its owner's
// lock guards it. The zero value waits for nothing.
type waker struct{ timer *time.Timer }

// after calls look, on a goroutine of its own, once the time has passed, in place of
// what was waited for before.
func (w *waker) after(d time.Duration, look func()) {
	if w.timer == nil {
		w.timer = time.AfterFunc(d, look)
		return
	}
	w.timer.Reset(d)
}

// stop ends the waiting. A look that has begun goes on.
func (w *waker) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}
