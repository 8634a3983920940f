package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hearth/infra/api"
	"hearth/messages"
	"hearth/messages/wire"
)

type endCommand struct {
	Session string        `arg:"" optional:"" help:"The session."`
	User    string        `placeholder:"USER" help:"All of this user's sessions, instead of one."`
	Deny    time.Duration `placeholder:"TIME" help:"With --user: keep the user out for as long, at this gateway and until it restarts."`
}

// Run ends sessions.
func (c endCommand) Run(e *env) error {
	path := "/api/sessions/" + url.PathEscape(c.Session)
	switch {
	case (c.Session == "") == (c.User == ""):
		return usage("end: give either a session or --user")
	case c.Deny < 0 || c.Deny > 0 && c.User == "":
		return usage("end: --deny is a time, and needs --user")
	case c.User != "":
		path = "/api/users/" + url.PathEscape(c.User)
		if c.Deny > 0 {
			path += "?deny=" + c.Deny.String()
		}
	}
	var answer struct {
		Ended int `json:"ended"`
	}
	if err := e.gateway.call(e.ctx, http.MethodDelete, path, nil, &answer); err != nil {
		return err
	}
	if e.json {
		return e.printJSON(answer)
	}
	_, err := fmt.Fprintf(e.stdout, "sessions that end: %d\n", answer.Ended)
	return err
}

type drainCommand struct{}

// Run drains the gateway, and does not wait for it.
func (drainCommand) Run(e *env) error {
	answer := map[string]bool{}
	if err := e.gateway.call(e.ctx, http.MethodPost, "/api/drain", nil, &answer); err != nil {
		return err
	}
	if e.json {
		return e.printJSON(answer)
	}
	_, err := fmt.Fprintln(e.stdout, "the gateway drains; hearth status says what is left")
	return err
}

type undrainCommand struct{}

// Run takes a drain back.
func (undrainCommand) Run(e *env) error {
	answer := map[string]bool{}
	if err := e.gateway.call(e.ctx, http.MethodDelete, "/api/drain", nil, &answer); err != nil {
		return err
	}
	if e.json {
		return e.printJSON(answer)
	}
	_, err := fmt.Fprintln(e.stdout, "the gateway takes sessions; what it had handed over or ended by now stays so")
	return err
}

type poolCommand struct {
	Min *int `placeholder:"N" help:"Tasks that the pool is filled up to."`
	Max *int `placeholder:"N" help:"Most tasks that are ready or starting at once."`
}

// Run shows the bounds, after they were changed if that was asked for.
func (c poolCommand) Run(e *env) error {
	if c.Min != nil || c.Max != nil {
		bounds := map[string]int{}
		for name, value := range map[string]*int{"min": c.Min, "max": c.Max} {
			if value != nil {
				bounds[name] = *value
			}
		}
		if err := e.gateway.call(e.ctx, http.MethodPost, "/api/pool", bounds, &map[string]int{}); err != nil {
			return err
		}
	}
	var s api.Summary
	if err := e.gateway.call(e.ctx, http.MethodGet, "/api/pool", nil, &s); err != nil {
		return err
	}
	if e.json {
		return e.printJSON(s.Pool)
	}
	p := s.Pool
	err := printTable(e.stdout, [][]string{
		{"MIN", "MAX", "TARGET", "READY", "STARTING", "ASSIGNED", "STOPPING", "WAITING"},
		strings.Fields(fmt.Sprint(p.Min, " ", p.Max, " ", p.Target, " ", p.Ready, " ", p.Starting, " ", p.Assigned, " ", p.Stopping, " ", p.Waiting)),
	})
	if err != nil || s.Shadow == nil {
		return err
	}
	fmt.Fprintln(e.stdout)
	return printTable(e.stdout, [][]string{
		{"POLICY", "TARGET", "CLAIMS", "FOUND A TASK READY", "STARTS", "IDLE TASK-HOURS"},
		compared("in force", p.Target, &s.Shadow.InForce),
		compared("shadow: "+s.Shadow.Policy, s.Shadow.Target, &s.Shadow.Shadow),
	})
}

// compared is what a policy came to since its gateway began.
func compared(policy string, target int, t *messages.Tally) []string {
	hits := "-"
	if t.Claims > 0 {
		hits = fmt.Sprintf("%.4g %%", 100*float64(t.Hits)/float64(t.Claims))
	}
	return []string{
		policy, fmt.Sprint(target), fmt.Sprint(t.Claims), hits, fmt.Sprint(t.Starts), fmt.Sprintf("%.1f", t.IdleTaskSeconds/3600),
	}
}

type attachCommand struct {
	Session string `arg:"" help:"The session."`
	Gateway string `name:"clients-url" placeholder:"URL" help:"Where clients connect, if that is another listener than --url."`
}

// Run becomes the shell, as the session's user. A gateway with AUTH=jwt wants a token of that user's, in HEARTH_TOKEN: an operator's
// token lets nobody be a user.
func (c attachCommand) Run(e *env) error {
	if !wire.ValidID(c.Session) {
		return usage("attach: %q is not the id of a session", c.Session)
	}
	sessions, _, err := pages[messages.SessionStatus](e.ctx, e.gateway, "/api/sessions", url.Values{"id": {c.Session}}, 1)
	if err != nil {
		return err
	}
	if len(sessions) == 0 {
		return fmt.Errorf("there is no session %s at this gateway", c.Session)
	}
	own, err := os.Executable()
	if err != nil {
		return err
	}
	shell := filepath.Join(filepath.Dir(own), "shell")
	address := c.Gateway
	if address == "" {
		address = e.gateway.base
	}
	err = syscall.Exec(shell, []string{shell, "--url", address, "--user", string(sessions[0].User), "--resume", c.Session}, os.Environ())
	return fmt.Errorf("%s: %w", shell, err) // or it would not have come back
}
