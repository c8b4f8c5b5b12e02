package device

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var testStart = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// cmos accesses an RTC as Linux's CMOS_READ and CMOS_WRITE do.
type cmos struct{ r *RTC }

func (c cmos) in(index uint8) uint8 {
	c.r.Write(0, []byte{index})
	return guest{c.r}.in(1)
}

func (c cmos) out(index, v uint8) {
	c.r.Write(0, []byte{index})
	c.r.Write(1, []byte{v})
}

func bcd(v uint8) int { return int(v>>4)*10 + int(v&15) }

// linuxTime reads the time as Linux's mc146818_get_time does: retried while an
// update is near. It gives up when Linux would.
func (c cmos) linuxTime(t *testing.T) time.Time {
	t.Helper()
	for range 100 {
		seconds := c.in(rtcSeconds)
		if c.in(rtcA)&rtcUpdating != 0 || seconds != c.in(rtcSeconds) {
			continue
		}
		got := time.Date(bcd(c.in(RTCCenturyRegister))*100+bcd(c.in(rtcYear)), time.Month(bcd(c.in(rtcMonth))),
			bcd(c.in(rtcDay)), bcd(c.in(rtcHours)), bcd(c.in(rtcMinutes)), bcd(seconds), 0, time.UTC)
		if c.in(rtcA)&rtcUpdating != 0 || seconds != c.in(rtcSeconds) {
			continue
		}
		return got
	}
	t.Fatal("an update seems to be in progress for ever")
	return time.Time{}
}

// linuxSetTime sets the time as Linux's mc146818_set_time does.
func (c cmos) linuxSetTime(v time.Time) {
	b := c.in(rtcB)
	c.out(rtcB, b|rtcSet)
	a := c.in(rtcA)
	c.out(rtcA, a|rtcDivider)
	enc := func(n int) uint8 { return uint8(n/10<<4 | n%10) }
	c.out(rtcYear, enc(v.Year()%100))
	c.out(rtcMonth, enc(int(v.Month())))
	c.out(rtcDay, enc(v.Day()))
	c.out(rtcHours, enc(v.Hour()))
	c.out(rtcMinutes, enc(v.Minute()))
	c.out(rtcSeconds, enc(v.Second()))
	c.out(RTCCenturyRegister, enc(v.Year()/100))
	c.out(rtcB, b)
	c.out(rtcA, a)
}

func newTestRTC(t testing.TB, clock func() time.Time, l Line) (*RTC, cmos) {
	r := NewRTC(clock, l)
	t.Cleanup(func() { r.Close() })
	return r, cmos{r}
}

// fakeClock is a clock that a test sets.
type fakeClock struct{ t time.Time }

func (c *fakeClock) now() time.Time { return c.t }

func TestRTCTellsTheTimeInUTC(t *testing.T) {
	clock := &fakeClock{time.Date(2026, 12, 31, 23, 59, 58, 5e8, time.FixedZone("", -3600))}
	_, c := newTestRTC(t, clock.now, nil)
	if got, want := c.linuxTime(t), time.Date(2027, 1, 1, 0, 59, 58, 0, time.UTC); !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
	wantHex(t, "weekday (Friday)", c.in(rtcWeekday), 6)
	clock.t = clock.t.Add(3 * time.Second)
	if got, want := c.linuxTime(t), time.Date(2027, 1, 1, 1, 0, 1, 0, time.UTC); !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
	wantHex(t, "B: BCD, 24 hours", c.in(rtcB), rtc24Hours)
	wantHex(t, "D: valid, bit 6 clear", c.in(rtcD), rtcValid)
	wantHex(t, "index port", guest{c.r}.in(0), 0xff)
}

// The update flag shows shortly before a second ends, and never for good.
func TestRTCUpdateInProgress(t *testing.T) {
	clock := &fakeClock{testStart.Add(time.Second - 100*time.Microsecond)}
	_, c := newTestRTC(t, clock.now, nil)
	wantHex(t, "A", c.in(rtcA), rtcADefault|rtcUpdating)
	c.linuxTime(t) // the clock stands
	clock.t = clock.t.Add(100 * time.Microsecond)
	wantHex(t, "A after the update", c.in(rtcA), rtcADefault)
	clock.t = clock.t.Add(999750 * time.Microsecond)
	wantHex(t, "A 250 us before the next", c.in(rtcA), rtcADefault)
	clock.t = clock.t.Add(10 * time.Microsecond)
	wantHex(t, "A 240 us before the next", c.in(rtcA), rtcADefault|rtcUpdating)
	c.out(rtcB, rtcSet|rtc24Hours)
	clock.t = clock.t.Add(time.Microsecond)
	wantHex(t, "A while the time is set", c.in(rtcA), rtcADefault)
	c.out(rtcA, 0xff)
	wantHex(t, "A: UIP cannot be written", c.in(rtcA), 0x7f)
}

func TestRTCIsSet(t *testing.T) {
	clock := &fakeClock{testStart.Add(123 * time.Millisecond)}
	r, c := newTestRTC(t, clock.now, nil)
	want := time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)
	c.linuxSetTime(want)
	if got := c.linuxTime(t); !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
	clock.t = clock.t.Add(499 * time.Millisecond)
	if got := c.linuxTime(t); !got.Equal(want) {
		t.Errorf("%v within the first half second", got)
	}
	clock.t = clock.t.Add(2 * time.Millisecond)
	if got := c.linuxTime(t); !got.Equal(want.Add(time.Second)) {
		t.Errorf("%v after half a second", got)
	}
	// One register, without stopping the time first.
	c.out(rtcDay, 0x28)
	if got, want := c.linuxTime(t), time.Date(2000, 1, 28, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
	// The time stands while SET is on, and what was set stays.
	c.out(rtcB, rtcSet|rtc24Hours)
	clock.t = clock.t.Add(time.Hour)
	c.out(rtcHours, 0x07)
	wantHex(t, "hours", c.in(rtcHours), 0x07)
	wantHex(t, "minutes", c.in(rtcMinutes), 0)
	c.out(rtcB, rtc24Hours)
	if got, want := c.linuxTime(t), time.Date(2000, 1, 28, 7, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
	_ = r
}

func TestRTCFormats(t *testing.T) {
	for _, c := range []struct {
		b    uint8
		hour int
		want uint8
	}{
		{rtc24Hours, 0, 0x00}, {rtc24Hours, 13, 0x13}, {rtc24Hours, 23, 0x23},
		{rtc24Hours | rtcBinary, 23, 23},
		{0, 0, 0x12}, {0, 1, 0x01}, {0, 11, 0x11}, {0, 12, 0x92}, {0, 13, 0x81}, {0, 23, 0x91},
		{rtcBinary, 0, 12}, {rtcBinary, 12, 0x8c}, {rtcBinary, 23, 0x8b},
	} {
		clock := &fakeClock{time.Date(2059, 8, 29, c.hour, 58, 57, 0, time.UTC)}
		_, g := newTestRTC(t, clock.now, nil)
		g.out(rtcB, c.b)
		wantHex(t, "hours", g.in(rtcHours), c.want)
		n := func(v int) uint8 { return encodeNumber(v, c.b) }
		wantHex(t, "minutes", g.in(rtcMinutes), n(58))
		wantHex(t, "year", g.in(rtcYear), n(59))
		wantHex(t, "century", g.in(RTCCenturyRegister), n(20))
		if got := decodeHour(c.want, c.b); got != c.hour {
			t.Errorf("B %#x: hour %#x is %d, want %d", c.b, c.want, got, c.hour)
		}
		g.out(rtcB, c.b|rtcSet)
		g.out(rtcB, c.b)
		wantHex(t, "hours after a set of the same", g.in(rtcHours), c.want)
	}
}

func TestRTCMemory(t *testing.T) {
	_, c := newTestRTC(t, nil, nil)
	for i := range uint8(128) {
		if i > rtcD && i != RTCCenturyRegister {
			c.out(i|0x80, i^0x5a) // the top bit is the NMI mask
		}
	}
	for i := range uint8(128) {
		if i > rtcD && i != RTCCenturyRegister {
			wantHex(t, "memory", c.in(i), i^0x5a)
		}
	}
	c.out(rtcMinutesAlarm, 0x42)
	wantHex(t, "alarm", c.in(rtcMinutesAlarm), 0x42)
	c.out(rtcC, 0xff)
	wantHex(t, "C", c.in(rtcC), 0)
}

func TestRTCInterrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newTestLine()
		r, c := newTestRTC(t, nil, line)
		start := c.linuxTime(t)

		c.out(rtcSecondsAlarm, 0x30)
		c.out(rtcMinutesAlarm, 0xff)
		c.out(rtcHoursAlarm, 0xc0)
		c.out(rtcB, rtc24Hours|rtcAlarm)
		time.Sleep(29*time.Second + 999*time.Millisecond)
		synctest.Wait()
		if line.level() {
			t.Error("early alarm")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if !line.level() {
			t.Error("no alarm")
		}
		wantHex(t, "C", c.in(rtcC), rtcPending|rtcAlarm|rtcUpdate)
		if line.level() {
			t.Error("reading C did not end the interrupt")
		}
		time.Sleep(10 * time.Minute)
		if line.count() != 2 { // the second one is not acknowledged
			t.Errorf("%d alarms", line.count())
		}
		c.in(rtcC)

		// A daily alarm, past midnight.
		c.linuxSetTime(start.Truncate(24 * time.Hour).Add(23 * time.Hour))
		c.out(rtcSecondsAlarm, 0x00)
		c.out(rtcMinutesAlarm, 0x30)
		c.out(rtcHoursAlarm, 0x01)
		time.Sleep(2*time.Hour + 29*time.Minute)
		if line.level() {
			t.Error("early alarm")
		}
		time.Sleep(time.Minute)
		if !line.level() {
			t.Error("no daily alarm")
		}
		c.in(rtcC)

		// Update interrupts.
		<-line.rise // of the alarms
		before := line.count()
		c.out(rtcB, rtc24Hours|rtcUpdate)
		for range 5 {
			within(t, "update", line.rise)
			wantHex(t, "C", c.in(rtcC)&^rtcAlarm, rtcPending|rtcUpdate)
		}
		if n := line.count() - before; n != 5 {
			t.Errorf("%d update interrupts", n)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if line.count()-before != 5 {
			t.Error("an interrupt after Close")
		}
	})
}

func TestRTCImpossibleAlarm(t *testing.T) {
	line := newTestLine()
	_, c := newTestRTC(t, nil, line)
	for _, v := range []uint8{0x99, 0x60, 0x24, 0xbf} {
		c.out(rtcHoursAlarm, v)
		c.out(rtcB, rtc24Hours|rtcAlarm)
	}
	c.in(rtcC)
}

func TestRTCConcurrentUse(t *testing.T) {
	_, c := newTestRTC(t, nil, newTestLine())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for i := range 2000 {
				c.out(uint8(i), uint8(i*7))
				c.in(uint8(i))
			}
		})
	}
	wg.Wait()
}

func FuzzRTC(f *testing.F) {
	f.Add([]byte{1, 0, rtcB, 1, 1, rtcSet, 1, 0, 4, 1, 1, 0xff, 1, 0, rtcB, 1, 1, rtcAlarm | rtcUpdate, 0, 1, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		line := newTestLine()
		clock := &fakeClock{testStart}
		var mu sync.Mutex // the RTC's timer reads the clock too
		r := NewRTC(func() time.Time { mu.Lock(); defer mu.Unlock(); return clock.t }, line)
		defer r.Close()
		traffic(r, in, func(op, v byte) {
			mu.Lock()
			defer mu.Unlock()
			clock.t = clock.t.Add(time.Duration(int8(op)) * time.Duration(v) * 10 * time.Minute)
		})
		r.mu.Lock()
		defer r.mu.Unlock()
		if pending := r.flags&r.b&rtcFlags != 0; pending != line.level() {
			t.Errorf("interrupt pending %v, line %v", pending, line.level())
		}
	})
}
