package main

import (
	"regexp"
	"strings"
	"testing"
)

var variable = regexp.MustCompile(`^[A-Z][A-Z_]+[A-Z]:`)

// FuzzEnvironment takes anything for what a task is told in its environment. What is wrong with it is told by the name of
// its variable, in a line each, and never with the task's token.
func FuzzEnvironment(f *testing.F) {
	f.Add("ws://gateway:8080", "t-1", "true", "", "", "bash -c 'exit 3'", "1048576", "10m")
	f.Add("wss://gateway", "t-1", "false", "ann", "s-1", "cat", "1024", "1s")
	f.Add("http://gateway", "..", "maybe", "a\nb", "s/1", "'", "-1", "-1s")
	f.Add("", "", "", "", "", "", "", "")
	f.Fuzz(func(t *testing.T, ws, task, warm, user, session, agent, frame, ttl string) {
		for name, value := range map[string]string{
			"GATEWAY_WS_URL": ws, "TASK_ID": task, "WARM_POOL_MODE": warm, "USER_ID": user, "SESSION_ID": session,
			"AGENT_COMMAND": agent, "MAX_FRAME_BYTES": frame, "WARM_ORPHAN_TTL": ttl,
		} {
			if strings.ContainsRune(value, 0) {
				return // no environment can hold it
			}
			t.Setenv(name, value)
		}
		var parsed options
		if _, err := parsed.parse(nil); err != nil {
			if err.Error() == "" {
				t.Fatal("refused without a word")
			}
			return
		}
		parsed.TaskToken = taskToken
		err := parsed.Validate()
		if err == nil {
			return
		}
		joined := err.(interface{ Unwrap() []error })
		for _, problem := range joined.Unwrap() {
			if text := problem.Error(); !variable.MatchString(text) || strings.Contains(text, taskToken) {
				t.Errorf("%q names no variable, or has the token", text)
			}
		}
	})
}
