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
	for n := uint64(loopMin); ; n *= 4 {
		took, err := loop(n)
		// The shortest decides about whether n is enough, too: one run that was held
		// up would leave too few iterations to tell from what is around them.
		for i := 1; err == nil && i < rounds && (took >= loopTime || n >= loopMax); i++ {
			var again float64
			again, err = loop(n)
			took = min(took, again)
		}
		if err != nil {
			return 0, err
		}
		if took >= loopTime || n >= loopMax {
			return max(took-around, 0) / float64(n), nil
		}
	}
}
