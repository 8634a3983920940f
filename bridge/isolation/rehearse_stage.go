package isolation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// stageFile is what a rehearsal's helper leaves in its workspace.
const stageFile = "stage"

// checkStage finds out whether agents can be started before their user is known, by the levels that are in force.
func (p *Plan) checkStage(ctx context.Context) error {
	if p.Levels.Has(Chroot) {
		return errors.New("a changed root has no place for a workspace that comes later")
	}
	if err := needs(mountCapabilities); err != nil {
		return err
	}
	if uids := p.cfg.UIDs; p.Levels.Has(UID) && uids.First+(uids.Count-1) >= stageUIDs.First && uids.First < stageUIDs.First+stageUIDs.Count {
		return fmt.Errorf("UID_RANGE reaches into %s, from which agents without a user have theirs", stageUIDs)
	}
	real, err := filepath.EvalSymlinks(p.cfg.Workspaces.Name())
	if err != nil {
		return err
	}
	temps, err := filepath.EvalSymlinks(p.temps)
	if err != nil {
		return err
	}
	if within(real, temps) {
		return fmt.Errorf("temporary directories are made in %s, which is covered with WORKSPACE_ROOT", p.temps)
	}
	return p.withRehearsal(ctx, func(job Job) error {
		stage, err := p.OpenStage()
		if err != nil {
			return err
		}
		defer stage.Close()
		return p.rehearseOn(ctx, stage, job)
	})
}

// rehearseOn has a helper use job's workspace on a stage. It is put in place beforehand, which makes no difference to who may do
// what. Job's temporary directory is of no use here, for it is the user's.
func (p *Plan) rehearseOn(ctx context.Context, stage *Stage, job Job) (err error) {
	name, err := filepath.Rel(p.cfg.Workspaces.Name(), job.Workspace)
	if err != nil {
		return err
	}
	workspace, err := p.cfg.Workspaces.OpenRoot(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, workspace.Close()) }()
	staged := Job{Workspace: stage.Dir, UID: stage.UID, Staged: true, trial: true}
	if staged.Temp, err = p.MakeTemp(stage.UID); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staged.Temp)) }()
	if err := stage.Place(workspace, job.UID); err != nil {
		return err
	}
	rehearse := func(become func(Job) error) error { return become(staged) }
	if err := stage.Do(func() error { return p.withHelper(ctx, rehearse) }); err != nil || job.UID == SameUser {
		return err
	}
	info, err := workspace.Lstat(stageFile)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != job.UID || int(stat.Gid) != job.UID {
		return errors.New("the file system gives the agent's files to somebody else")
	}
	return nil
}

// rehearseStage leaves a file, in a rehearsal on a stage.
func rehearseStage(s *spec) error {
	if s.Stage == "" || !s.Trial {
		return nil
	}
	return os.WriteFile(stageFile, nil, 0o600)
}
