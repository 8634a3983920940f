package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"hearth/infra/api"
)

// followEvery is how often a log that is followed is asked for what is new.
const followEvery = time.Second

type logsCommand struct {
	Follow  bool   `short:"f" help:"Go on with what comes."`
	Lines   int    `short:"n" default:"100" help:"The last so many lines, before they are chosen from; at most 1000."`
	Session string `placeholder:"SESSION" help:"Only lines about this session."`
	Task    string `placeholder:"TASK" help:"Only lines about this task."`
	User    string `placeholder:"USER" help:"Only lines about this user."`
	Level   string `enum:"trace,debug,info,warn,error,audit" default:"trace" help:"Only lines of this level or above; audit: only what operators did."`
}

// Run prints lines until there are no more, or with --follow until it is interrupted.
func (c logsCommand) Run(e *env) error {
	if c.Lines < 1 || c.Lines > 1000 {
		return usage("--lines: must be from 1 to 1000")
	}
	people := zerolog.ConsoleWriter{Out: e.stdout, TimeFormat: "15:04:05.000", NoColor: true}
	after, limit := uint64(0), c.Lines
	for {
		var answer api.Logged
		if err := e.gateway.call(e.ctx, http.MethodGet, fmt.Sprintf("/api/logs?after=%d&limit=%d", after, limit), nil, &answer); err != nil {
			return err
		}
		if answer.Lost > 0 && !e.json {
			fmt.Fprintf(e.stdout, "... %d lines were not kept\n", answer.Lost)
		}
		for _, line := range answer.Lines {
			if !c.wants(line) {
				continue
			}
			var err error
			if e.json {
				_, err = fmt.Fprintf(e.stdout, "%s\n", line)
			} else {
				_, err = people.Write(line)
			}
			if err != nil {
				return err
			}
		}
		after, limit = answer.Next, 1000
		switch {
		case !c.Follow:
			return nil
		case len(answer.Lines) == limit: // there is more already
			continue
		}
		timer := time.NewTimer(followEvery)
		select {
		case <-timer.C:
		case <-e.ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// wants reports whether a line is one of those that were asked for.
func (c logsCommand) wants(line json.RawMessage) bool {
	var fields struct{ Level, Session, Task, User string }
	if json.Unmarshal(line, &fields) != nil {
		return false
	}
	for _, each := range [][2]string{{c.Session, fields.Session}, {c.Task, fields.Task}, {c.User, fields.User}} {
		if each[0] != "" && each[0] != each[1] {
			return false
		}
	}
	levels := []string{"trace", "debug", "info", "warn", "error", "fatal", "panic", "audit"}
	return slices.Index(levels, fields.Level) >= slices.Index(levels, c.Level)
}
