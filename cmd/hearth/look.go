package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"hearth/infra/api"
	"hearth/messages"
)

// printJSON prints an answer for programs.
func (e *env) printJSON(answer any) error {
	encoder := json.NewEncoder(e.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answer)
}

// printTable prints rows, of which the first is the head, in columns as wide as they need to be.
func printTable(w io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return table.Flush()
}

// age is an age as people say it.
func age(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// short is the last part of an ARN.
func short[S ~string](arn S) string { return string(arn[strings.LastIndexByte(string(arn), '/')+1:]) }

type statusCommand struct{}

// Run shows the gateway's state.
func (statusCommand) Run(e *env) error {
	var s api.Summary
	if err := e.gateway.call(e.ctx, http.MethodGet, "/api/pool", nil, &s); err != nil {
		return err
	}
	if e.json {
		return e.printJSON(s)
	}
	ready := "no"
	if s.Ready {
		ready = "yes"
	}
	p := s.Pool
	rows := [][]string{
		{"ready", ready + ": " + s.Says},
		{"pool", fmt.Sprintf("%d ready, %d starting, %d assigned, %d stopping; target %d (min %d, max %d)",
			p.Ready, p.Starting, p.Assigned, p.Stopping, p.Target, p.Min, p.Max)},
		{"waiting", fmt.Sprint(p.Waiting)},
		{"sessions", counts(s.Sessions)},
		{"hosts", counts(s.Hosts)},
		{"revisions", counts(s.Revisions)},
	}
	if s.Draining {
		rows = append(rows, []string{"draining", "yes"})
	}
	if s.LastFailure != "" {
		rows = append(rows, []string{"last failure", s.LastFailure})
	}
	return printTable(e.stdout, append(rows, []string{"version", s.Version}))
}

// counts are numbers by what they count.
func counts[K ~string](of map[K]int) string {
	if len(of) == 0 {
		return "none"
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%d %s", of[key], key))
	}
	return strings.Join(parts, ", ")
}

// listFlags are those of all lists.
type listFlags struct {
	State string `placeholder:"STATE" help:"Only those in this state."`
	Limit int    `default:"100" help:"At most so many."`
}

// show reads a list and prints it.
func show[T any](e *env, flags listFlags, path string, query url.Values, head []string, order func(a, b T) int, row func(T) []string) error {
	if flags.Limit < 1 {
		return usage("--limit: must be 1 at least")
	}
	if flags.State != "" {
		query.Set("state", flags.State)
	}
	items, total, err := pages[T](e.ctx, e.gateway, path, query, flags.Limit)
	if err != nil {
		return err
	}
	slices.SortStableFunc(items, order)
	if e.json {
		return e.printJSON(map[string]any{"items": append([]T{}, items...), "total": total})
	}
	rows := [][]string{head}
	for _, item := range items {
		rows = append(rows, row(item))
	}
	if err := printTable(e.stdout, rows); err != nil {
		return err
	}
	if more := total - len(items); more > 0 {
		fmt.Fprintf(e.stdout, "and %d more: --limit\n", more)
	}
	return nil
}

type sessionsCommand struct {
	listFlags
	User string `placeholder:"USER" help:"Only this user's."`
}

// Run lists sessions, the oldest first.
func (c sessionsCommand) Run(e *env) error {
	query := url.Values{}
	if c.User != "" {
		query.Set("user", c.User)
	}
	return show(e, c.listFlags, "/api/sessions", query, []string{"SESSION", "USER", "STATE", "TASK", "AGE"},
		func(a, b messages.SessionStatus) int { return cmp.Compare(b.AgeMs, a.AgeMs) },
		func(s messages.SessionStatus) []string {
			return []string{string(s.ID), string(s.User), string(s.State), string(s.Task), age(s.AgeMs)}
		})
}

type tasksCommand struct {
	listFlags
	Host string `placeholder:"ARN" help:"Only those on this host."`
}

// Run lists tasks, the oldest first.
func (c tasksCommand) Run(e *env) error {
	query := url.Values{}
	if c.Host != "" {
		query.Set("host", c.Host)
	}
	return show(e, c.listFlags, "/api/tasks", query, []string{"TASK", "STATE", "SESSION", "HOST", "REVISION", "ISOLATION", "AGE", "ECS TASK"},
		func(a, b messages.TaskStatus) int { return cmp.Compare(b.AgeMs, a.AgeMs) },
		func(t messages.TaskStatus) []string {
			return []string{string(t.ID), string(t.State), dash(string(t.Session)), dash(short(t.Host)), dash(string(t.Revision)), dash(t.Isolation), age(t.AgeMs), dash(short(t.ARN))}
		})
}

// dash stands for what there is not, so that columns stay columns.
func dash(text string) string { return cmp.Or(text, "-") }

type hostsCommand struct{ listFlags }

// Run lists hosts.
func (c hostsCommand) Run(e *env) error {
	return show(e, c.listFlags, "/api/hosts", url.Values{}, []string{"HOST", "STATE", "TASKS", "SLOTS"},
		func(a, b messages.HostStatus) int { return cmp.Compare(a.ID, b.ID) },
		func(h messages.HostStatus) []string {
			return []string{short(h.ID), string(h.State), fmt.Sprint(h.Tasks), fmt.Sprint(h.Slots)}
		})
}

type configCommand struct {
	Names []string `arg:"" optional:"" name:"setting" help:"Only these, as their environment variables are called."`
	Set   bool     `help:"Only those that are not at their default."`
}

// Run shows the settings.
func (c configCommand) Run(e *env) error {
	var answer struct {
		Settings []api.Setting `json:"settings"`
	}
	if err := e.gateway.call(e.ctx, http.MethodGet, "/api/config", nil, &answer); err != nil {
		return err
	}
	for _, name := range c.Names {
		if !slices.ContainsFunc(answer.Settings, func(s api.Setting) bool { return s.Name == name }) {
			return usage("%s is no setting of this gateway's", name)
		}
	}
	answer.Settings = slices.DeleteFunc(answer.Settings, func(s api.Setting) bool {
		return len(c.Names) > 0 && !slices.Contains(c.Names, s.Name) || c.Set && s.Origin == "default"
	})
	if e.json {
		return e.printJSON(answer)
	}
	rows := [][]string{{"SETTING", "VALUE", "ORIGIN"}}
	for _, s := range answer.Settings {
		rows = append(rows, []string{s.Name, dash(s.Value), s.Origin})
	}
	return printTable(e.stdout, rows)
}
