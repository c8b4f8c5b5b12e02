package probe

// Sizes of the loop that is timed: an iteration takes anything from half a
// nanosecond to some microseconds.
const (
	loopTime = 10e6 // ns, long enough that the exit at the end does not count
	loopMin  = 64   // iterations
	loopMax  = 1 << 32
	rounds   = 3
)

// settle finds out how many iterations take long enough to be timed and returns
// the nanoseconds of one, the best of some rounds: what disturbs only adds.
// around is what a run takes besides.
func settle(around float64, loop func(n uint64) (float64, error)) (float64, error) {
	n := uint64(loopMin)
	for ; n < loopMax; n *= 4 {
		took, err := loop(n)
		if err != nil {
			return 0, err
		}
		if took >= loopTime {
			break
		}
	}
	best := -1.0
	for range rounds {
		took, err := loop(n)
		if err != nil {
			return 0, err
		}
		if each := max(took-around, 0) / float64(n); best < 0 || each < best {
			best = each
		}
	}
	return best, nil
}
