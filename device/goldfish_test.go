package device

import (
	"testing"
	"testing/synctest"
	"time"
)

func goldfishTime(g guest32) uint64 {
	low := g.in(goldfishTimeLow)
	return uint64(g.in(goldfishTimeHigh))<<32 | uint64(low)
}

// set writes a time as the driver does.
func goldfishSet(g guest32, high uint64, t uint64) {
	g.out(high, uint32(t>>32))
	g.out(high-4, uint32(t))
}

func TestGoldfishTellsTheTime(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 5, time.UTC)
	g := guest32{NewGoldfishRTC(func() time.Time { return now }, nil)}
	if got := goldfishTime(g); got != uint64(now.UnixNano()) {
		t.Errorf("%d, want %d", got, now.UnixNano())
	}
	goldfishSet(g, goldfishTimeHigh, 1000)
	now = now.Add(7 * time.Second)
	if got := goldfishTime(g); got != 1000+7e9 {
		t.Errorf("%d after it was set", got)
	}
}

// TestGoldfishHalvesBelongTogether: the clock runs on between two reads.
func TestGoldfishHalvesBelongTogether(t *testing.T) {
	now := time.Unix(0, 1<<32-1)
	g := guest32{NewGoldfishRTC(func() time.Time { now = now.Add(1); return now.Add(-1) }, nil)}
	low := g.in(goldfishTimeLow)
	high := g.in(goldfishTimeHigh)
	if got, end := uint64(high)<<32|uint64(low), uint64(now.UnixNano()); got > end || end-got > 10 {
		t.Errorf("%#x, want about %#x", got, end)
	}
}

func TestGoldfishAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newTestLine()
		r := NewGoldfishRTC(nil, line)
		defer r.Close()
		g := guest32{r}
		at := goldfishTime(g) + uint64(7*time.Hour)
		goldfishSet(g, goldfishAlarmHigh, at)
		g.out(goldfishIRQEnabled, 1)
		want32(t, "status", g.in(goldfishAlarmStatus), 1)
		time.Sleep(7*time.Hour - time.Second)
		if line.level() {
			t.Error("the alarm is early")
		}
		time.Sleep(2 * time.Second)
		if !line.level() || g.in(goldfishAlarmStatus) != 0 {
			t.Error("no alarm")
		}
		if got := uint64(g.in(goldfishAlarmHigh))<<32 | uint64(g.in(goldfishAlarmLow)); got != at {
			t.Errorf("alarm reads as %d, want %d", got, at)
		}
		g.out(goldfishClearInterrupt, 1)
		if line.level() {
			t.Error("the interrupt is not cleared")
		}
		time.Sleep(time.Hour)
		if line.count() != 1 {
			t.Errorf("%d alarms", line.count())
		}
	})
}

func TestGoldfishAlarmIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newTestLine()
		r := NewGoldfishRTC(nil, line)
		g := guest32{r}
		g.out(goldfishIRQEnabled, 1)
		goldfishSet(g, goldfishAlarmHigh, goldfishTime(g)+1e9)
		g.out(goldfishClearAlarm, 1)
		time.Sleep(time.Minute)
		goldfishSet(g, goldfishAlarmHigh, goldfishTime(g)+1e9)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if line.count() != 0 {
			t.Errorf("%d alarms", line.count())
		}
	})
}

func FuzzGoldfishRTC(f *testing.F) {
	f.Add([]byte{9, 0xc, 0, 9, 8, 1, 9, 0x10, 1, 8, 0x18, 0, 9, 4, 3, 9, 0, 3, 9, 0x1c, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		now := time.Unix(0, 0x0102030405060708)
		line := newTestLine()
		r := NewGoldfishRTC(func() time.Time { return now }, line)
		defer r.Close()
		traffic(r, in, func(_, v byte) { now = now.Add(time.Duration(v) * time.Second) })
		_ = guest32{r}.in(goldfishAlarmStatus)
		if line.level() != (r.raised && r.enabled) {
			t.Errorf("line %v, raised %v, enabled %v", line.level(), r.raised, r.enabled)
		}
	})
}
