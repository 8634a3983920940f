package scenario

import (
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// gateway begins the story: a gateway and its surroundings, by its settings and by how long things take.
//
//	gateway min=3 max=10 threshold=2 shadow=5 pool=on ttl=1h start-timeout=1m ... run=200ms boot=2s dial=300ms think=0s buffer=1000
func (e *env) gateway(a *arguments) error {
	const ms = time.Millisecond
	o := model.Options{Seed: 1, Schedule: func(int) int { return 0 }, Settings: actors.DefaultSettings()}
	s := &o.Settings
	s.WarmPool = a.text("pool", "on") == "on"
	run, boot, dial, agent, think, farewell := 200*ms, 2*time.Second, 300*ms, 240*ms, time.Duration(0), 50*ms
	for key, set := range map[string]*int{
		"min": &s.Min, "max": &s.Max, "threshold": &s.Threshold, "concurrency": &s.LaunchConcurrency,
		"attempts": &s.ClaimAttempts, "sessions": &s.MaxSessions, "per-user": &s.MaxSessionsPerUser,
		"starts-per-second": &s.MaxSessionStartsPerSecond, "buffer": &o.Bridge.Buffer,
	} {
		if err := a.number(key, set); err != nil {
			return err
		}
	}
	for key, set := range map[string]*time.Duration{
		"token-grace": &s.TokenGrace, "lifetime": &s.MaxSessionLifetime,
		"ttl": &s.ReadyTTL, "surplus-ttl": &s.SurplusTTL, "start-timeout": &s.StartTimeout, "idle-timeout": &s.IdleTimeout,
		"task-start-timeout": &s.TaskStartTimeout, "redial-grace": &s.RedialGrace, "lease": &s.TaskLease, "orphan-ttl": &s.TaskOrphanTTL, "dial-timeout": &s.DialTimeout, "task-sweep": &s.TaskSweepInterval,
		"run": &run, "boot": &boot, "dial": &dial, "agent": &agent, "think": &think, "farewell": &farewell,
	} {
		if err := a.duration(key, set); err != nil {
			return err
		}
	}
	o.Cloud = model.CloudOptions{
		Run: fixed(run), Stop: fixed(100 * ms), Describe: fixed(100 * ms), Boot: fixed(boot), Dial: fixed(dial),
	}
	if err := a.fleet(&o); err != nil {
		return err
	}
	if err := a.shadow(s); err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return err
	}
	o.Bridge.Workspace, o.Bridge.Token, o.Bridge.Agent = fixed(14*ms), fixed(10*ms), fixed(agent)
	o.Agent = model.AgentOptions{Think: fixed(think), Farewell: fixed(farewell), Silent: a.text("agent-says", "") == "nothing"}
	o.Network.BridgeDelay = fixed(ms)
	o.Hooks = model.Hooks{
		Event: func(event messages.Event) { e.print("%s", e.narrator.Event(&event)) },
		Init: func(id wire.TaskID, init wire.InitUser) {
			e.line(e.narrator.Task(id), "is told", e.narrator.Frame(init))
		},
		Client: e.told,
		Agent:  e.agent,
		Broken: func(rule string) { e.line("!!!", "BROKEN", rule) },
	}
	o.Wrap = func(p *actors.Ports) { p.Observer = &saboteur{Observer: p.Observer, env: e} }
	e.close()
	e.narrator, e.crash = model.Narrator{}, ""
	e.clients, e.names = map[string]*model.Client{}, map[*model.Client]string{}
	e.narrator.Since = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	e.model = model.New(o)
	e.settle()
	return nil
}

// shadow has a larger or smaller minimum tried beside the one in force.
func (a *arguments) shadow(s *actors.Settings) error {
	minimum := -1
	if err := a.number("shadow", &minimum); err != nil || minimum < 0 {
		return err
	}
	s.Shadow = &actors.Sizing{Min: minimum, Max: s.Max, Threshold: max(0, minimum-s.ThresholdGap()), Policy: actors.PolicyFixed}
	return nil
}
