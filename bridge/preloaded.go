package bridge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"hearth/bridge/isolation"
)

// noUser is the name of an agent's user that was not known when the agent was started.
const noUser = "user"

// preloaded is an agent that was started before its user was known. It has nobody's files, is given no input, and what it says
// stays in its pipes until somebody reads them.
type preloaded struct {
	agent     *agent
	stage     *isolation.Stage
	temp      string
	keepalive string        // what its keepalive file will be called, relative to the workspace
	died      chan struct{} // closed once the agent has
}

// preload starts the agent, and then has the bridge dial.
func (b *bridge) preload() {
	pre, err := b.startPreloaded()
	if err != nil {
		err = fmt.Errorf("AGENT_PRELOAD=process: start the agent: %w", err)
		b.post(func() { b.finish(&unfit{failAgent, err}, "it is of no use") })
		return
	}
	taken := b.post(func() {
		b.preloaded = pre
		b.log.Info().Int("pid", pre.agent.cmd.Process.Pid).Msg("the agent runs and waits for its user")
		b.wg.Go(func() { b.watchPreloaded(pre) })
		b.connect()
	})
	if !taken {
		b.abandonPreloaded(pre) // the loop has ended
	}
}

// startPreloaded starts the agent on a stage.
func (b *bridge) startPreloaded() (pre *preloaded, err error) {
	argv, err := SplitCommand(b.cfg.AgentCommand)
	if err != nil {
		return nil, err
	}
	stage, err := b.plan.OpenStage()
	if err != nil {
		return nil, err
	}
	pre = &preloaded{stage: stage, keepalive: keepaliveName(b.cfg.TokenFile), died: make(chan struct{})}
	defer func() {
		if err != nil {
			if pre.agent != nil {
				pre.agent.abandon()
			}
			stage.Close()
			err = errors.Join(err, os.RemoveAll(pre.temp))
		}
	}()
	if pre.temp, err = b.plan.MakeTemp(stage.UID); err != nil {
		return nil, err
	}
	var a *agent // not to be looked at unless Do says that it is over
	err = stage.Do(func() (err error) {
		a, err = startAgent(b.reaper, b.cfg.AgentIO, isolation.StageCloneFlags)
		return err
	})
	if err != nil {
		return nil, err
	}
	pre.agent = a
	env := agentEnviron(b.cfg.passedOn(), place{
		user: noUser, workspace: stage.Dir, temp: b.plan.InsideTemp(pre.temp), keepalive: filepath.Join(stage.Dir, pre.keepalive),
		terminal: a.terminal != nil,
	})
	job := isolation.Job{Argv: argv, Env: env, Workspace: stage.Dir, Temp: pre.temp, UID: stage.UID, Staged: true}
	if err := a.giveTerminal(stage.UID); err != nil {
		return pre, err
	}
	return pre, b.plan.Start(pre.agent.helper, job)
}

// watchPreloaded ends a bridge whose agent ends before it has a user.
func (b *bridge) watchPreloaded(pre *preloaded) {
	awaitDeath(pre.agent.cmd.Process.Pid)
	close(pre.died)
	b.post(func() {
		if b.session == nil {
			err := errors.New("AGENT_PRELOAD=process: the agent has ended before it had a user")
			b.finish(&unfit{failAgent, err}, "it is of no use")
		}
	})
}

// take gives the agent its workspace, which has the token by now.
func (pre *preloaded) take(w *workspace) error {
	if err := w.makeKeepalive(pre.keepalive); err != nil {
		return err
	}
	if err := pre.stage.Place(w.root, w.uid); err != nil {
		return fmt.Errorf("put the workspace in place: %w", err)
	}
	select {
	case <-pre.died:
		return errors.New("it has ended before it had a user")
	default:
		return nil
	}
}

// abandonPreloaded ends an agent that has got no user. Its log has what the agent said, which may be why.
func (b *bridge) abandonPreloaded(pre *preloaded) {
	_ = pre.agent.signal(syscall.SIGKILL) // a dead one is as good
	exit := b.logOutput(pre.agent)
	b.log.Info().Int("code", exit.Code).Str("signal", exit.Signal).Msg("the agent without a user has ended")
	pre.stage.Close()
	if err := os.RemoveAll(pre.temp); err != nil {
		b.log.Warn().Err(err).Msg("could not remove the agent's temporary directory")
	}
}
