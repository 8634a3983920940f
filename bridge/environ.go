package bridge

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// hiddenVariables belong to the bridge and the gateway. HOME and those after it are here because they are made anew.
var hiddenVariables = []string{
	"GATEWAY_WS_URL", "TASK_ID", "TASK_TOKEN", "WARM_POOL_MODE", "USER_ID", "SESSION_ID",
	"HOME", "WORKSPACE_DIR", "PWD", "OLDPWD", keepaliveVariable,
}

// hiddenPrefixes are ECS' own variables: they lead to the task role's credentials and to the host's metadata.
var hiddenPrefixes = []string{"AWS_CONTAINER_", "ECS_"}

// agentEnviron makes the agent's environment from the bridge's: what the image and the task definition set passes,
// except for what would give the agent the task's own powers.
func agentEnviron(environ []string, w *workspace) []string {
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		hidden := slices.Contains(hiddenVariables, name) ||
			slices.ContainsFunc(hiddenPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if !hidden {
			kept = append(kept, entry)
		}
	}
	return append(kept, "HOME="+w.path, "WORKSPACE_DIR="+w.path, "PWD="+w.path,
		keepaliveVariable+"="+filepath.Join(w.path, w.keepalive.name))
}

// HideMemory keeps other processes of the same user, above all the agent, from reading this one's memory and the
// environment that it was started with, where the task token was. The agent itself is not affected by it.
func HideMemory() error {
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
