package bridge

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"hearth/messages/wire"
)

// ownVariables are not passed on, whatever AGENT_ENV names: the task's token, and those that are made anew for each agent.
var ownVariables = []string{
	"TASK_TOKEN", "HOME", "WORKSPACE_DIR", "PWD", "OLDPWD", "TMPDIR", "USER", "LOGNAME", keepaliveVariable,
}

// ownPrefixes begin ECS' own: they lead to the task role's credentials and to the host's metadata.
var ownPrefixes = []string{"AWS_CONTAINER_", "AWS_EXECUTION_", "ECS_"}

// variablePattern is a name of AGENT_ENV: a variable's, or the beginning of several and an asterisk.
var variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\*?$`)

// place is where an agent finds itself, in paths as it sees them.
type place struct {
	user      string // a name that is fit for a shell
	workspace string
	temp      string
	keepalive string
	terminal  bool
	trace     wire.Traceparent
}

// agentEnviron makes the agent's whole environment: what of the bridge's is to be passed on, and where the agent is.
func agentEnviron(passed []string, at place) []string {
	environ := append(slices.Clone(passed), "HOME="+at.workspace, "WORKSPACE_DIR="+at.workspace, "PWD="+at.workspace,
		"TMPDIR="+at.temp, "USER="+at.user, "LOGNAME="+at.user, keepaliveVariable+"="+at.keepalive)
	if at.terminal { // of the kind that browsers and terminals of today are, in UTF-8
		environ = slices.DeleteFunc(environ, func(entry string) bool { // of two of a name some programs take the first
			return strings.HasPrefix(entry, "TERM=") || strings.HasPrefix(entry, "LANG=")
		})
		environ = append(environ, "TERM=xterm-256color", "LANG=C.UTF-8")
	}
	if at.trace.Valid() {
		environ = slices.DeleteFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, "TRACEPARENT=") })
		environ = append(environ, "TRACEPARENT="+string(at.trace))
	}
	return environ
}

// warmUpEnviron is an agent's environment before there is a user.
func warmUpEnviron(passed []string, scratch string) []string {
	return append(slices.Clone(passed), "HOME="+scratch, "PWD="+scratch, "TMPDIR="+scratch)
}

// passedOn is what of the bridge's environment agents get.
func (c Config) passedOn() (passed []string) {
	for _, entry := range c.Environ {
		name, _, _ := strings.Cut(entry, "=")
		named := slices.ContainsFunc(c.AgentEnv, func(pattern string) bool {
			prefix, many := strings.CutSuffix(pattern, "*")
			return pattern == name || many && strings.HasPrefix(name, prefix)
		})
		if named && !isOwn(name) {
			passed = append(passed, entry)
		}
	}
	return passed
}

// withheld names what of the bridge's environment agents do not get, but for its own.
func (c Config) withheld() (names []string) {
	passed := c.passedOn()
	for _, entry := range c.Environ {
		if name, _, _ := strings.Cut(entry, "="); !slices.Contains(passed, entry) && !isOwn(name) {
			names = append(names, name)
		}
	}
	return names
}

func isOwn(name string) bool {
	return slices.Contains(ownVariables, name) ||
		slices.ContainsFunc(ownPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// validateEnv is Validate's part for what agents are told.
func (c Config) validateEnv() (problems []error) {
	for _, pattern := range c.AgentEnv {
		switch {
		case !variablePattern.MatchString(pattern):
			problems = append(problems, fmt.Errorf("AGENT_ENV: %q is no variable's name, nor the beginning of one and *", pattern))
		case isOwn(pattern):
			problems = append(problems, fmt.Errorf("AGENT_ENV: %s is not passed on to agents", pattern))
		}
	}
	return problems
}

// HideMemory keeps other processes of the same user, above all the agent, from reading this one's memory and the
// environment that it was started with, where the task token was. The agent itself is not affected by it.
func HideMemory() error {
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
