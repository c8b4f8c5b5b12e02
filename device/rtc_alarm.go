package device

import "time"

const (
	// rtcLongest is how long the timer runs before the clock is asked again:
	// the host's clock may be adjusted, and timers stand still while it sleeps.
	rtcLongest = time.Minute
	// rtcShortest keeps a clock that stands from making the timer run hot.
	rtcShortest = time.Millisecond
)

// readC gives the events since the last read, and ends their interrupt.
func (r *RTC) readC() uint8 {
	r.collect()
	v := r.flags
	if r.flags&r.b&rtcFlags != 0 {
		v |= rtcPending
	}
	r.flags = 0
	r.settle()
	return v
}

// collect notes the events between the time that was looked at last and now.
func (r *RTC) collect() {
	if r.stands {
		return
	}
	now := r.now()
	if now.After(r.seen) {
		if now.Unix() != r.seen.Unix() {
			r.flags |= rtcUpdate
		}
		if at, ok := r.nextAlarm(r.seen); ok && !at.After(now) {
			r.flags |= rtcAlarm
		}
	}
	r.seen = now
}

// settle sets the interrupt line, and the timer for the next event that is to
// interrupt. The lock is held.
func (r *RTC) settle() {
	r.irq.set(r.flags&r.b&rtcFlags != 0)
	if wait, ok := r.nextEvent(); ok {
		r.wake.after(wait, r.tick)
	} else {
		r.wake.stop()
	}
}

func (r *RTC) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.collect()
	r.settle()
}

// nextEvent returns how long to wait until an interrupt that is enabled may be
// due; ok is false when none can come.
func (r *RTC) nextEvent() (wait time.Duration, ok bool) {
	want := r.b &^ r.flags & rtcFlags
	if want == 0 || r.stands || r.closed || r.irq.line == nil {
		return 0, false
	}
	wait = rtcLongest
	now := r.now()
	if want&rtcUpdate != 0 {
		wait = min(wait, time.Second-time.Duration(now.Nanosecond()))
	}
	if at, found := r.nextAlarm(now); want&rtcAlarm != 0 && found {
		wait = min(wait, at.Sub(now))
	}
	return max(wait, rtcShortest), true
}

// nextAlarm returns the first full second after t at which the alarm goes off.
// There is none if the guest asked for a time that no day has.
func (r *RTC) nextAlarm(t time.Time) (at time.Time, ok bool) {
	at = t.Truncate(time.Second).Add(time.Second)
	end := at.Add(24 * time.Hour)
	for at.Before(end) {
		switch {
		case !r.alarmAt(rtcHoursAlarm, at.Hour()):
			at = at.Truncate(time.Hour).Add(time.Hour)
		case !r.alarmAt(rtcMinutesAlarm, at.Minute()):
			at = at.Truncate(time.Minute).Add(time.Minute)
		case !r.alarmAt(rtcSecondsAlarm, at.Second()):
			at = at.Add(time.Second)
		default:
			return at, true
		}
	}
	return at, false
}

// alarmAt says whether an alarm register matches v of its unit.
func (r *RTC) alarmAt(index uint8, v int) bool {
	a := r.ram[index]
	switch {
	case a >= rtcAnything:
		return true
	case index == rtcHoursAlarm:
		return decodeHour(a, r.b) == v
	default:
		return decodeNumber(a, r.b) == v
	}
}
