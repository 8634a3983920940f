package run

import (
	"errors"

	"hearth/messages"
)

// byPlaying finds the size by playing pools, where hosts or failures hold starts back.
func (s *Sizer) byPlaying(sizing *Sizing) error {
	bound := largestPool
	if s.FixedMax {
		bound = min(bound, s.Base.Settings.Max)
	}
	fleet := &s.Base.Cloud.Fleet
	if fleet.Slots > 0 {
		bound = min(bound, max(1, fleet.Max*fleet.Slots)) // more have no room
	}
	var best, last Trial
	_, err := first(min(sizing.Theory, bound), 0, bound, func(size int) (bool, error) {
		t, err := s.play(s.pool(size))
		if err == nil && !t.Meets && len(t.HeldBack) > 0 && t.PoolMin > last.PoolMin && t.InTime.Mean <= last.InTime.Mean {
			return false, ErrUnreachable // what holds starts back is not that there are too few
		}
		if last = t; t.Meets {
			best = t
		}
		return t.Meets, err
	})
	if errors.Is(err, ErrUnreachable) {
		return s.unreachable(last)
	}
	if err != nil {
		return err
	}
	sizing.Best = best
	s.recommend(sizing, best)
	return nil
}

// unreachable looks for the limits that must be lifted for a size that does not meet the objective.
func (s *Sizer) unreachable(t Trial) error {
	u := &Unreachable{Objective: s.Objective, Best: t.InTime.Mean, Size: t.PoolMin}
	free := s.pool(t.PoolMin)
	free.Settings.LaunchConcurrency, free.Settings.Max = unlimited, unlimited
	fleet := &free.Cloud.Fleet
	if fleet.Slots > 0 {
		fleet.Min = max(fleet.Max, plenty*(1+t.PeakTasks/fleet.Slots)) // in service, so that nothing waits for them
		fleet.Desired, fleet.Max = fleet.Min, fleet.Min
	}
	lifted, err := s.play(free)
	if err != nil {
		return err
	}
	if !lifted.Meets {
		return u
	}
	if is := s.Base.Settings.LaunchConcurrency; lifted.peakStarting > is {
		u.Lift = append(u.Lift, Limit{messages.HeldLaunchLimit, is, lifted.peakStarting})
	}
	if is := s.Base.Settings.Max; s.FixedMax && lifted.peakPool > is {
		u.Lift = append(u.Lift, Limit{messages.HeldMaximum, is, lifted.peakPool})
	}
	if slots := fleet.Slots; slots > 0 {
		if needs := (lifted.PeakTasks + slots - 1) / slots; needs > s.Base.Cloud.Fleet.Min {
			u.Lift = append(u.Lift, Limit{messages.HeldHosts, s.Base.Cloud.Fleet.Min, needs})
		}
	}
	return u
}

// plenty is how many times as many hosts as were filled are enough for whatever was held back.
const plenty = 4

// first finds the least number from low to high that is enough, of which all larger ones are, beginning at guess.
func first(guess, low, high int, enough func(int) (bool, error)) (int, error) {
	// Invariant: what was tried up to less is too little, and what was tried from found on is enough.
	less, found := low-1, high+1
	at := min(max(guess, low), high)
	for step := 1; less+1 < found; step *= 2 {
		ok, err := enough(at)
		if err != nil {
			return 0, err
		}
		if ok {
			found = at
		} else {
			less = at
		}
		switch {
		case less >= low && found <= high:
			at = (less + found) / 2
		case found <= high:
			at = max(low, found-step)
		default:
			at = min(high, less+step)
		}
	}
	if found > high {
		return 0, ErrUnreachable
	}
	return found, nil
}
