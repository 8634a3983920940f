package isolation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hearth/messages/wire"
)

// resolveTimeout bounds how long it takes to find out what can be had. Only a file system that hangs makes it pass.
const resolveTimeout = time.Minute

// Config is what [Resolve] is told.
type Config struct {
	Request Request
	// UIDs are the users'. Used with UID.
	UIDs Range
	// Workspaces is WORKSPACE_ROOT, open. The plan uses it as long as it is used.
	Workspaces *os.Root
	// AgentRoot is the prepared root that Chroot takes; empty if there is none.
	AgentRoot string
	// Read are what Landlock lets agents read and execute. What of it does not exist is passed over.
	Read []string
	// ConnectPorts are the TCP ports that agents may connect to, by Landlock; nil for all.
	ConnectPorts []uint16
	// Limits bound each agent.
	Limits Limits
	// Argv and Env are the agent's command and its environment, to be tried with a made-up user; nil to try the levels alone.
	Argv, Env []string
	// Preload asks for what agents that are started before their user is known take.
	Preload bool
}

// Plan is what is done to every agent of a bridge. It is safe for use by several goroutines. The zero Plan is the level path
// alone and no guard, for what is not a user's.
type Plan struct {
	// Levels are those in force.
	Levels Levels
	// Missing says of each level and guard that was tried in vain why it cannot be had.
	Missing []string

	guards  guard
	cfg     Config
	temps   string     // where temporary directories are made
	bind    bool       // the workspace is mounted into the agent's root
	records *directory // nil without UID
}

// Guards names what is done to every agent beside the levels, for the log.
func (p *Plan) Guards() string { return p.guards.String() }

// Resolve finds out which levels can be had and rehearses them. Levels asked for by name are had, or the error says why not;
// asked for auto, it takes what is permitted and supported here. The agent's program is tried as well; see [IsProgram]. It starts processes and makes a directory on the workspaces' file
// system, so it takes some milliseconds; ctx can end it.
//
// Invariants: an error of any other kind than "not permitted" and "not supported" is Resolve's, and no start's from then on is
// made up for by less. Asked for auto, no agent is root. Where users' files belong to users of their own, no agent is without UID.
func Resolve(ctx context.Context, cfg Config) (*Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	p := &Plan{Levels: cfg.Request.Levels, guards: allGuards, cfg: cfg, temps: os.TempDir()}
	if p.Levels == 0 {
		p.guards &^= namespaces // the agent is trusted to keep to its place
	}
	if err := p.resolve(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Plan) resolve(ctx context.Context) error {
	for _, check := range []struct {
		level Levels
		guard guard
		do    func() error
	}{
		{UID, 0, p.checkUID}, {Landlock, 0, p.checkLandlock}, {Chroot, 0, p.checkChroot},
		{0, ownProc, supportsOwnProc}, {0, namespaces, func() error { return needs(mountCapabilities) }},
	} {
		if !p.Levels.Has(check.level) {
			continue
		}
		if err := check.do(); err != nil {
			if err := p.doWithout(check.level, check.guard, err); err != nil {
				return err
			}
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if err := p.checkRecords(); err != nil {
		return err
	}
	if err := p.checkLimits(); err != nil {
		return err
	}
	if p.cfg.Preload {
		if err := p.checkStage(ctx); err != nil {
			return fmt.Errorf("AGENT_PRELOAD: process cannot be had with ISOLATION=%s: %w", p.Levels, err)
		}
	}
	return nil
}

// doWithout takes a level, and with UID also Chroot, or guards out of the plan. It fails if that is not for the bridge to decide.
func (p *Plan) doWithout(level Levels, guards guard, why error) error {
	switch {
	case !refused(why), level == 0 && guards&^basics == 0:
		return fmt.Errorf("ISOLATION: %w", why)
	case level == 0:
		p.guards &^= guards
		p.Missing = append(p.Missing, fmt.Sprintf("%s: %v", guards, why))
		return nil
	case !p.cfg.Request.Auto, level == Landlock && p.cfg.ConnectPorts != nil:
		return fmt.Errorf("ISOLATION: %s cannot be had: %w", level.name(), why)
	case level == UID && os.Geteuid() == 0:
		return fmt.Errorf("ISOLATION: auto runs no agent as root, and uid cannot be had: %w; else name what is enough, as ISOLATION=landlock", why)
	}
	p.Levels &^= level
	p.Missing = append(p.Missing, fmt.Sprintf("%s: %v", level.name(), why))
	if level == UID && p.Levels.Has(Chroot) {
		return p.doWithout(Chroot, 0, &refusal{"takes uid"})
	}
	if level == Chroot {
		p.bind, p.temps = false, os.TempDir()
	}
	return nil
}

func (p *Plan) checkUID() error {
	if err := needs(uidCapabilities); err != nil {
		return err
	}
	info, err := p.cfg.Workspaces.Stat(".")
	if err != nil {
		return err
	}
	if name := p.cfg.Workspaces.Name(); info.Mode()&0o002 != 0 {
		return &refusal{fmt.Sprintf("everybody may write %s, and so put something in the place of a workspace: chmod o-w %s", name, name)}
	}
	p.records, err = openRecords(p.cfg.Workspaces)
	return err
}

// checkRecords refuses what would give the files of users, which belong to users of their own, to an agent that is somebody else.
func (p *Plan) checkRecords() error {
	if p.Levels.Has(UID) {
		return nil
	}
	has, err := hasRecords(p.cfg.Workspaces)
	if err != nil {
		return fmt.Errorf("ISOLATION: look for users' UIDs: %w", err)
	}
	if has {
		return fmt.Errorf("ISOLATION: %s takes uid, for its users have UIDs of their own (%s), and %s is what there is: run the bridge as root with ISOLATION=uid,landlock",
			p.cfg.Workspaces.Name(), recordsName, p.Levels)
	}
	return nil
}

// checkLimits leaves the bound of processes out where the kernel would count those of others.
func (p *Plan) checkLimits() error {
	apart, err := countsApart()
	if err != nil {
		return fmt.Errorf("AGENT_MAX_PROCESSES: %w", err)
	}
	if !p.Levels.Has(UID) && !apart {
		p.cfg.Limits.Processes = 0
	}
	return nil
}

func (p *Plan) checkLandlock() error {
	abi, err := landlockABI()
	if err != nil {
		return err
	}
	if p.cfg.ConnectPorts != nil && abi < minConnect {
		return errConnect
	}
	for _, private := range []string{p.cfg.Workspaces.Name(), p.temps} {
		real, err := filepath.EvalSymlinks(private)
		if err != nil {
			return fmt.Errorf("%v", err) // whatever it is, it says nothing of Landlock
		}
		for _, readable := range p.cfg.Read {
			if readable, err = filepath.EvalSymlinks(readable); err == nil && within(readable, real) {
				return fmt.Errorf("AGENT_READ_PATHS has %s, which %s is in", readable, private)
			}
		}
	}
	return nil
}

// Readable reports whether agents can read a file of this machine that is no user's. In a root of their own they see other files.
func (p *Plan) Readable(path string) bool {
	if !p.Levels.Has(Landlock) || p.Levels.Has(Chroot) {
		return true
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(append([]string{p.cfg.Workspaces.Name(), "/dev"}, p.cfg.Read...), func(dir string) bool {
		dir, err := filepath.EvalSymlinks(dir)
		return err == nil && within(dir, real)
	})
}

func (p *Plan) checkChroot() error {
	root := p.cfg.AgentRoot
	if root == "" {
		return &refusal{"AGENT_ROOT is not set"}
	}
	info, err := os.Stat(root)
	if err != nil {
		return fmt.Errorf("AGENT_ROOT: %v", err) // whatever it is, it is not what the operator wants
	}
	if !info.IsDir() || info.Mode()&0o002 != 0 {
		return fmt.Errorf("AGENT_ROOT: %s is not a directory that only its owner may write", root)
	}
	if err := needs(chrootCapabilities); err != nil {
		return err
	}
	workspaces := p.cfg.Workspaces.Name()
	p.temps = filepath.Join(root, "tmp")
	p.bind = !within(root, workspaces)
	if !p.bind {
		return nil
	}
	if err := needs(mountCapabilities); err != nil {
		return fmt.Errorf("WORKSPACE_ROOT is not inside of AGENT_ROOT, and mounting it there %w", err)
	}
	if info, err := os.Stat(filepath.Join(root, workspaces)); err != nil || !info.IsDir() {
		return fmt.Errorf("AGENT_ROOT has no directory %s to mount the workspace in", workspaces)
	}
	return nil
}

// Identify is the UID of a user's agents and files, or SameUser if the plan gives users none.
func (p *Plan) Identify(ctx context.Context, user wire.UserID) (int, error) {
	if !p.Levels.Has(UID) {
		return SameUser, p.checkRecords() // another bridge may have begun to make some
	}
	return Allocate(ctx, p.records, p.cfg.UIDs, user)
}

// MakeTemp makes a temporary directory that is uid's alone. The caller removes it.
func (p *Plan) MakeTemp(uid int) (string, error) {
	dir, err := os.MkdirTemp(p.temps, "hearth-")
	if err != nil || uid == SameUser {
		return dir, err
	}
	if err := os.Lchown(dir, uid, uid); err != nil {
		return "", errors.Join(err, os.Remove(dir))
	}
	return dir, nil
}

// Inside is the path under which the agent sees what the bridge sees at path.
func (p *Plan) Inside(path string) string {
	root := p.cfg.AgentRoot
	if !p.Levels.Has(Chroot) || root == "/" || !within(root, path) {
		return path
	}
	return filepath.Join("/", path[len(root):])
}

// InsideTemp is the path under which the agent sees its temporary directory, which the bridge has made at path.
func (p *Plan) InsideTemp(path string) string {
	if p.guards.has(ownMounts) {
		return temporary
	}
	return p.Inside(path)
}

// Job is one agent to be started.
type Job struct {
	Argv []string
	// Env is the agent's whole environment.
	Env []string
	// Workspace and Temp are the agent's directories as the bridge sees them.
	Workspace, Temp string
	// UID is what Identify said.
	UID int
	// Staged: the agent is started on a [Stage], and Workspace and UID are the stage's.
	Staged bool

	trial bool // it is a rehearsal
}

// Start has a helper that runs become an agent as the plan says, and returns when it has. The error says which step failed;
// the helper is then of no more use, and its process is the caller's to kill and to wait for.
func (p *Plan) Start(h *Helper, j Job) error {
	s := spec{
		Levels: p.Levels, Guards: p.guards, UID: j.UID, Read: p.cfg.Read, ConnectPorts: p.cfg.ConnectPorts, Limits: p.cfg.Limits,
		Argv: j.Argv, Trial: j.trial, Env: j.Env, Dir: p.Inside(j.Workspace), Temp: p.InsideTemp(j.Temp), TempAt: j.Temp,
	}
	if p.Levels.Has(Chroot) {
		s.Root = p.cfg.AgentRoot
	}
	if j.Staged {
		s.Stage = p.cfg.Workspaces.Name()
	}
	if p.bind {
		s.Bind, s.BindRoot = j.Workspace, p.cfg.Workspaces.Name()
	}
	return h.become(s)
}

// Close lets go of the records.
func (p *Plan) Close() error {
	if p.records == nil {
		return nil
	}
	return p.records.close()
}
