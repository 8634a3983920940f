package isolation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hearth/messages/wire"
)

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
	// Preload asks for what agents that are started before their user is known take.
	Preload bool
}

// Plan is what is done to every agent of a bridge. It is safe for use by several goroutines. The zero Plan is the level path
// alone, for what is not a user's.
type Plan struct {
	// Levels are those in force.
	Levels Levels
	// Missing says of each level that was tried in vain why it cannot be had.
	Missing []string

	cfg     Config
	temps   string     // where temporary directories are made
	bind    bool       // the workspace is mounted into the agent's root
	records *directory // nil without UID
}

// Resolve finds out which levels can be had and rehearses them. Levels asked for by name are had, or the error says why not;
// asked for auto, it takes what it can get. It starts processes and, for UID, makes a directory on the workspaces' file
// system, so it takes some milliseconds; ctx can end it.
func Resolve(ctx context.Context, cfg Config) (*Plan, error) {
	p := &Plan{Levels: cfg.Request.Levels, cfg: cfg, temps: os.TempDir()}
	for _, check := range []struct {
		level Levels
		do    func() error
	}{{UID, p.checkUID}, {Landlock, p.checkLandlock}, {Chroot, p.checkChroot}} {
		if !p.Levels.Has(check.level) {
			continue
		}
		if err := check.do(); err != nil {
			if err := p.doWithout(check.level, err); err != nil {
				return nil, errors.Join(err, p.Close())
			}
		}
	}
	for p.Levels != 0 { // path alone takes nothing that could be refused
		err := p.rehearse(ctx)
		if err == nil {
			break
		}
		var failed *failure
		if !errors.As(err, &failed) || failed.Level == 0 {
			return nil, errors.Join(fmt.Errorf("ISOLATION: %w", err), p.Close())
		}
		if err := p.doWithout(failed.Level, failed); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	if cfg.Preload {
		if err := p.checkStage(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("AGENT_PRELOAD: process cannot be had with ISOLATION=%s: %w", p.Levels, err), p.Close())
		}
	}
	return p, nil
}

// doWithout takes a level out of the plan, and with UID also Chroot, or fails if it was asked for by name.
func (p *Plan) doWithout(level Levels, why error) error {
	if !p.cfg.Request.Auto {
		return fmt.Errorf("ISOLATION: %s cannot be had: %w", level.name(), why)
	}
	p.Levels &^= level
	p.Missing = append(p.Missing, fmt.Sprintf("%s: %v", level.name(), why))
	if level == UID && p.Levels.Has(Chroot) {
		return p.doWithout(Chroot, errors.New("takes uid"))
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
	if info.Mode()&0o002 != 0 {
		return fmt.Errorf("everybody may write %s, and so put something in the place of a workspace", p.cfg.Workspaces.Name())
	}
	p.records, err = openRecords(p.cfg.Workspaces)
	return err
}

func (p *Plan) checkLandlock() error {
	if _, err := landlockABI(); err != nil {
		return err
	}
	for _, private := range []string{p.cfg.Workspaces.Name(), p.temps} {
		real, err := filepath.EvalSymlinks(private)
		if err != nil {
			return err
		}
		for _, readable := range p.cfg.Read {
			if readable, err = filepath.EvalSymlinks(readable); err == nil && within(readable, real) {
				return fmt.Errorf("AGENT_READ_PATHS has %s, which %s is in", readable, private)
			}
		}
	}
	return nil
}

func (p *Plan) checkChroot() error {
	root := p.cfg.AgentRoot
	if root == "" {
		return errors.New("AGENT_ROOT is not set")
	}
	info, err := os.Stat(root)
	if err != nil {
		return err
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
		return SameUser, nil
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
}

// Start has a helper that runs become an agent as the plan says, and returns when it has. The error says which step failed;
// the helper is then of no more use, and its process is the caller's to kill and to wait for.
func (p *Plan) Start(h *Helper, j Job) error {
	s := spec{
		Levels: p.Levels, UID: j.UID, Read: p.cfg.Read, Argv: j.Argv, Env: j.Env,
		Dir: p.Inside(j.Workspace), Temp: p.Inside(j.Temp),
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
