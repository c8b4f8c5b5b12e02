package device

import "time"

// encodeNumber and decodeNumber translate a number below 100 to and from the
// format that register B selects.
func encodeNumber(v int, b uint8) uint8 {
	if b&rtcBinary != 0 {
		return uint8(v)
	}
	return uint8(v/10<<4 | v%10)
}

func decodeNumber(v, b uint8) int {
	if b&rtcBinary != 0 {
		return int(v)
	}
	return int(v>>4)*10 + int(v&0x0f)
}

// encodeHour and decodeHour do so for hours, of which a 12-hour clock counts 12,
// 1 to 11, and 12, 1 to 11 again with the top bit set.
func encodeHour(h int, b uint8) uint8 {
	if b&rtc24Hours != 0 {
		return encodeNumber(h, b)
	}
	v := encodeNumber((h+11)%12+1, b)
	if h >= 12 {
		v |= rtcPM
	}
	return v
}

func decodeHour(v, b uint8) int {
	if b&rtc24Hours != 0 {
		return decodeNumber(v, b)
	}
	h := decodeNumber(v&^rtcPM, b)
	if h == 12 {
		h = 0
	}
	if v&rtcPM != 0 {
		h += 12
	}
	return h
}

// encodeTime returns one register of a time.
func encodeTime(t time.Time, b, index uint8) uint8 {
	switch index {
	case rtcSeconds:
		return encodeNumber(t.Second(), b)
	case rtcMinutes:
		return encodeNumber(t.Minute(), b)
	case rtcHours:
		return encodeHour(t.Hour(), b)
	case rtcWeekday:
		return encodeNumber(int(t.Weekday())+1, b)
	case rtcDay:
		return encodeNumber(t.Day(), b)
	case rtcMonth:
		return encodeNumber(int(t.Month()), b)
	case rtcYear:
		return encodeNumber(t.Year()%100, b)
	default: // the century
		return encodeNumber(t.Year()/100%100, b)
	}
}

// decodeTime reads the registers. Numbers outside their range carry over, as
// time.Date has it: a guest may write anything.
func decodeTime(ram *[128]uint8, b uint8, nanosecond int) time.Time {
	return time.Date(
		decodeNumber(ram[RTCCenturyRegister], b)*100+decodeNumber(ram[rtcYear], b),
		time.Month(decodeNumber(ram[rtcMonth], b)),
		decodeNumber(ram[rtcDay], b),
		decodeHour(ram[rtcHours], b),
		decodeNumber(ram[rtcMinutes], b),
		decodeNumber(ram[rtcSeconds], b),
		nanosecond, time.UTC)
}
