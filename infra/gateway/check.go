package gateway

import (
	"context"
	"errors"
	"time"
)

// The pause between two looks at an ECS that has not answered, at first and at most.
const (
	firstRecheck = 2 * time.Second
	lastRecheck  = time.Minute
)

// checkECS tries what the gateway needs of ECS. What waiting cannot mend is its error. Everything else passes: tasks and
// sessions of before live, so the gateway starts, takes over what dials, says in /readyz what it waits for, and asks again.
func (g *Gateway) checkECS(ctx context.Context) (err error) {
	if !g.cfg.Actors.WarmPool || g.cfg.Actors.Min == 0 {
		g.observer.Poolless()
	}
	if answered, problems := g.tryECS(ctx); len(problems) > 0 {
		for _, problem := range problems {
			err = errors.Join(err, errors.New(problem))
		}
		return err
	} else if answered {
		return nil
	}
	g.background.Go(g.recheckECS)
	return nil
}

// tryECS reports whether ECS has answered, and what only an operator can mend.
func (g *Gateway) tryECS(ctx context.Context) (answered bool, problems []string) {
	problems, passing := g.launcher.Check(ctx)
	switch {
	case passing != "":
		g.log.Warn().Str("problem", passing).Msg("ECS does not answer all that the gateway needs; it is asked again")
		g.observer.Unanswered(passing)
	case len(problems) == 0:
		g.observer.Answered()
		return true, nil
	}
	return false, problems
}

// recheckECS asks until ECS has answered or the gateway is closed. A problem that needs an operator does not end a gateway
// that serves sessions: it stays in the log and in /readyz.
func (g *Gateway) recheckECS() {
	for pause := firstRecheck; ; pause = min(2*pause, lastRecheck) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-g.closing.Done():
			timer.Stop()
			return
		}
		answered, problems := g.tryECS(g.closing)
		if answered {
			g.log.Info().Msg("ECS answers")
			return
		}
		for _, problem := range problems {
			g.log.Error().Str("problem", problem).Msg("ECS answers, and an operator has to see to what it says")
			g.observer.Unanswered(problem)
		}
	}
}
