package main

import (
	"cmp"

	"hearth/actors"
	"hearth/sim/run"
)

// shadowFlags describe a policy that is tried beside the pool's own, as the gateway's settings of these names do.
type shadowFlags struct {
	Shadow         string       `enum:",fixed,schedule,slo" default:"" placeholder:"POLICY" group:"Shadow" help:"Also count what this policy would come to beside the pool's own, without acting, as WARM_POOL_SHADOW: fixed, schedule or slo."`
	ShadowMin      *int         `placeholder:"N" group:"Shadow" help:"Its minimum (--pool-min)."`
	ShadowMax      *limit       `placeholder:"N" group:"Shadow" help:"Its maximum (--pool-max)."`
	ShadowSchedule poolSchedule `placeholder:"FILE" group:"Shadow" help:"The schedule of --shadow schedule."`
	ShadowSLO      poolShare    `name:"shadow-slo" placeholder:"SHARE" group:"Shadow" help:"The objective of --shadow slo (99.9%), which begins with --pool-trace as well."`
}

// shadowed is a pool that may have a shadow.
type shadowed struct {
	poolFlags
	shadowFlags
}

func (f shadowed) apply(c *run.Config) error {
	if err := f.poolFlags.apply(c); err != nil || f.Shadow == "" {
		return err
	}
	s := actors.Sizing{Min: c.Settings.Min, Max: c.Settings.Max, Policy: actors.Policy(f.Shadow)}
	if f.ShadowMin != nil {
		s.Min = *f.ShadowMin
	}
	if f.ShadowMax != nil {
		s.Max = int(*f.ShadowMax)
	}
	s.Threshold = max(0, s.Min-c.Settings.ThresholdGap())
	if f.ShadowSchedule.Schedule != nil {
		s.Schedule = f.ShadowSchedule.Schedule
	}
	if s.Policy == actors.PolicySLO {
		var err error
		if s.Forecast, err = f.forecast(cmp.Or(float64(f.ShadowSLO), actors.DefaultObjective), c); err != nil {
			return err
		}
	}
	c.Settings.Shadow = &s
	return nil
}
