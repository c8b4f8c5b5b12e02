package device

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestPL031TellsTheTime(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	r := NewPL031(func() time.Time { return now }, nil)
	g := guest32{r}
	want32(t, "DR", g.in(pl031DR), uint32(now.Unix()))
	want32(t, "CR", g.in(pl031CR), 1)
	g.out(pl031LR, 1000)
	now = now.Add(7 * time.Second)
	want32(t, "DR after it was set", g.in(pl031DR), 1007)
	want32(t, "LR", g.in(pl031LR), 1000)
}

func TestPL031Alarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newTestLine()
		r := NewPL031(nil, line)
		defer r.Close()
		g := guest32{r}
		g.out(pl031MR, g.in(pl031DR)+3)
		g.out(pl031IMSC, 1)
		time.Sleep(2 * time.Second)
		if line.level() || g.in(pl031RIS) != 0 {
			t.Error("the alarm is early")
		}
		time.Sleep(1100 * time.Millisecond)
		if !line.level() || g.in(pl031MIS) != 1 {
			t.Error("no alarm")
		}
		g.out(pl031ICR, 1)
		if line.level() || g.in(pl031RIS) != 0 {
			t.Error("the alarm is not cleared")
		}
		time.Sleep(time.Hour)
		if line.count() != 1 {
			t.Errorf("%d alarms", line.count())
		}
	})
}

// TestPL031AlarmFarAway: longer than a timer is set for at once.
func TestPL031AlarmFarAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newTestLine()
		r := NewPL031(nil, line)
		defer r.Close()
		g := guest32{r}
		g.out(pl031IMSC, 1)
		g.out(pl031MR, g.in(pl031DR)+7*3600)
		time.Sleep(7*time.Hour - time.Second)
		if line.level() {
			t.Error("the alarm is early")
		}
		time.Sleep(2 * time.Second)
		if !line.level() {
			t.Error("no alarm")
		}
	})
}

func TestPL031AlarmOfThePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newTestLine()
		r := NewPL031(nil, line)
		g := guest32{r}
		g.out(pl031IMSC, 1)
		g.out(pl031MR, g.in(pl031DR)-1)
		time.Sleep(time.Hour)
		if line.level() {
			t.Error("an alarm for a time that was over")
		}
		g.out(pl031MR, g.in(pl031DR))
		if !line.level() {
			t.Error("no alarm for this very second")
		}
	})
}

func TestPL031CloseEndsTheAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newTestLine()
		r := NewPL031(nil, line)
		g := guest32{r}
		g.out(pl031IMSC, 1)
		g.out(pl031MR, g.in(pl031DR)+2)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if line.count() != 0 {
			t.Error("an alarm after Close")
		}
	})
}

func FuzzPL031(f *testing.F) {
	f.Add([]byte{9, 4, 0xff, 9, 0x10, 1, 8, 0x14, 0, 9, 8, 3, 9, 0x1c, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		now := time.Unix(0x01020300, 0)
		line := newTestLine()
		r := NewPL031(func() time.Time { return now }, line)
		defer r.Close()
		traffic(r, in, func(_, v byte) { now = now.Add(time.Duration(v) * time.Second) })
		if want := (guest32{r}).in(pl031MIS) != 0; line.level() != want {
			t.Errorf("line %v, want %v", line.level(), want)
		}
	})
}
