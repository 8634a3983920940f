package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"hearth/infra/ecs"
	"hearth/infra/efs"
)

// SettingsError is what is wrong with the settings themselves. Nothing has been done.
type SettingsError struct{ error }

// Unwrap gives what is wrong.
func (e SettingsError) Unwrap() error { return e.error }

// Clean clears away users' access points and task definitions that nobody needs any more; see ecs.Janitor. With dryRun it
// says what it would clear away. It writes a line for each thing. Its error is a SettingsError when the janitor could not begin.
func Clean(ctx context.Context, cfg Config, unusedFor time.Duration, dryRun bool, log zerolog.Logger, output io.Writer) error {
	if err := cfg.validateJanitor(unusedFor); err != nil {
		return SettingsError{err}
	}
	clients, err := ecs.LoadClients(ctx, log)
	if err != nil {
		return SettingsError{err}
	}
	doing, count := "", 0
	if dryRun {
		doing = "would "
	}
	janitor := &ecs.Janitor{
		Client: clients.ECS, Files: efs.New(efs.Config{Client: clients.EFS, Root: cfg.AccessPointRoot, Deployment: cfg.ECS.StartedBy}),
		Cluster: cfg.ECS.Cluster, TaskDefinition: cfg.ECS.TaskDefinition, ContainerName: cfg.ECS.ContainerName,
		StartedBy: cfg.ECS.StartedBy, WorkspaceRoot: cfg.Actors.WorkspaceRoot, UnusedFor: unusedFor, DryRun: dryRun,
		Did: func(call, what string) {
			count++
			fmt.Fprintf(output, "%s%s %s\n", doing, call, what)
		},
	}
	if err := janitor.Clean(ctx); err != nil {
		return err
	}
	if count == 0 {
		fmt.Fprintln(output, "nothing to clear away")
	}
	return nil
}

// validateJanitor checks what the janitor needs of a Config.
func (c *Config) validateJanitor(unusedFor time.Duration) error {
	problems := missing("by the janitor", []namedValue{
		{"ECS_CLUSTER", c.ECS.Cluster}, {"ECS_TASK_DEFINITION", c.ECS.TaskDefinition}, {"ECS_CONTAINER_NAME", c.ECS.ContainerName},
	})
	if c.Backend != BackendECS {
		problems = append(problems, errors.New("BACKEND: the janitor needs ecs; what the local backend makes ends with it"))
	}
	if unusedFor < 0 {
		problems = append(problems, errors.New("--unused-for: must not be negative"))
	}
	return errors.Join(problems...)
}
