package bridge

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// hiddenVariables belong to the bridge and the gateway. HOME and those after it are here because they are made anew.
var hiddenVariables = []string{
	"GATEWAY_WS_URL", "TASK_ID", "TASK_TOKEN", "WARM_POOL_MODE", "USER_ID", "SESSION_ID",
	"HOME", "WORKSPACE_DIR", "PWD", "OLDPWD", "TMPDIR", "USER", "LOGNAME", keepaliveVariable,
}

// hiddenPrefixes are ECS' own variables: they lead to the task role's credentials and to the host's metadata.
var hiddenPrefixes = []string{"AWS_CONTAINER_", "ECS_"}

// place is where an agent finds itself, in paths as it sees them.
type place struct {
	user      string // a name that is fit for a shell
	workspace string
	temp      string
	keepalive string
}

// agentEnviron makes the agent's environment from the bridge's: what the image and the task definition set passes,
// except for what would give the agent the task's own powers.
func agentEnviron(environ []string, at place) []string {
	return append(passedOn(environ), "HOME="+at.workspace, "WORKSPACE_DIR="+at.workspace, "PWD="+at.workspace,
		"TMPDIR="+at.temp, "USER="+at.user, "LOGNAME="+at.user, keepaliveVariable+"="+at.keepalive)
}

// warmUpEnviron is an agent's environment before there is a user.
func warmUpEnviron(environ []string, scratch string) []string {
	return append(passedOn(environ), "HOME="+scratch, "PWD="+scratch, "TMPDIR="+scratch)
}

// passedOn is what of the bridge's environment others may have.
func passedOn(environ []string) (kept []string) {
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		hidden := slices.Contains(hiddenVariables, name) ||
			slices.ContainsFunc(hiddenPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if !hidden {
			kept = append(kept, entry)
		}
	}
	return kept
}

// HideMemory keeps other processes of the same user, above all the agent, from reading this one's memory and the
// environment that it was started with, where the task token was. The agent itself is not affected by it.
func HideMemory() error {
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
