package actors

import "time"

// Pause is how long to wait after so many failures in a row, 1 or more: between half and the whole of a step that begins with
// base, doubles with each failure and stays at the ceiling. jitter is in [0, 1); it keeps those who failed together from
// coming back together.
func Pause(base, ceiling time.Duration, failures int, jitter float64) time.Duration {
	step := ceiling
	if shift := failures - 1; shift < 16 {
		step = min(ceiling, base<<shift)
	}
	return step/2 + time.Duration(jitter*float64(step/2))
}
