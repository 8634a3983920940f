package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"hearth/messages"
	"hearth/messages/wire"
)

// The bounds of a page, in items.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Setting is one of the process's settings, as it is in force. It is part of the answer to GET /api/config.
type Setting struct {
	// Name is its environment variable, Flag its flag; one that is a secret has none.
	Name string `json:"name"`
	Flag string `json:"flag,omitempty"`
	// Value is masked if it is a secret, and empty if it is not set.
	Value string `json:"value"`
	// Origin is default, environment or flag.
	Origin string `json:"origin"`
}

// Summary answers GET /api/pool: what there is in numbers. Its size does not depend on how much there is.
type Summary struct {
	Version string              `json:"version"`
	Ready   bool                `json:"ready"`
	Says    string              `json:"says"`
	Pool    messages.PoolCounts `json:"pool"`
	// Sessions and Hosts count them by state, Revisions the tasks by what they run.
	Sessions    map[messages.SessionState]int `json:"sessions"`
	Hosts       map[messages.HostState]int    `json:"hosts"`
	Revisions   map[messages.Revision]int     `json:"revisions,omitempty"`
	Draining    bool                          `json:"draining"`
	LastFailure string                        `json:"lastFailure,omitempty"`
	// Shadow is a policy that is tried beside the one in force; nil for none.
	Shadow *messages.Shadow `json:"shadow,omitempty"`
}

// Page answers the lists. Items are in the order of their ids, of which Next is the last if there are more.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
	// Total counts all that the request asks for, on this page or not.
	Total int `json:"total"`
}

// Logged answers GET /api/logs: lines in their order, and the number with which to ask for those that come after them. Lost of the
// lines in between are not kept any more.
type Logged struct {
	Lines []json.RawMessage `json:"lines"`
	Next  uint64            `json:"next"`
	Lost  uint64            `json:"lost,omitempty"`
}

func (c Config) status(r *http.Request, _ string) (int, any) {
	status, err := ask[*messages.PoolStatus](c, r, &messages.StatusRequest{})
	if err != nil {
		return gone(err)
	}
	return http.StatusOK, status
}

func (c Config) summary(r *http.Request, _ string) (int, any) {
	status, err := ask[*messages.PoolStatus](c, r, &messages.StatusRequest{})
	if err != nil {
		return gone(err)
	}
	ready, says := c.Ready()
	summary := Summary{
		Version: c.Version, Ready: ready, Says: says, Pool: status.Pool, Revisions: status.Revisions, Draining: status.Draining,
		LastFailure: status.LastFailure, Shadow: status.Shadow, Sessions: map[messages.SessionState]int{}, Hosts: map[messages.HostState]int{},
	}
	for _, session := range status.Sessions {
		summary.Sessions[session.State]++
	}
	for _, host := range status.Hosts {
		summary.Hosts[host.State]++
	}
	return http.StatusOK, summary
}

func (c Config) sessions(r *http.Request, _ string) (int, any) {
	id, user := wire.SessionID(r.URL.Query().Get("id")), wire.UserID(r.URL.Query().Get("user"))
	state := messages.SessionState(r.URL.Query().Get("state"))
	return list(c, r, func(s *messages.PoolStatus) []messages.SessionStatus { return s.Sessions },
		func(s messages.SessionStatus) string { return string(s.ID) },
		func(s messages.SessionStatus) bool {
			return (id == "" || s.ID == id) && (user == "" || s.User == user) && (state == "" || s.State == state)
		})
}

func (c Config) tasks(r *http.Request, _ string) (int, any) {
	host, state := messages.HostID(r.URL.Query().Get("host")), messages.TaskState(r.URL.Query().Get("state"))
	return list(c, r, func(s *messages.PoolStatus) []messages.TaskStatus { return s.Tasks },
		func(t messages.TaskStatus) string { return string(t.ID) },
		func(t messages.TaskStatus) bool {
			return (host == "" || t.Host == host) && (state == "" || t.State == state)
		})
}

func (c Config) hosts(r *http.Request, _ string) (int, any) {
	state := messages.HostState(r.URL.Query().Get("state"))
	return list(c, r, func(s *messages.PoolStatus) []messages.HostStatus { return s.Hosts },
		func(h messages.HostStatus) string { return string(h.ID) },
		func(h messages.HostStatus) bool { return state == "" || h.State == state })
}

func (c Config) settings(*http.Request, string) (int, any) {
	return http.StatusOK, map[string][]Setting{"settings": c.Settings}
}

func (c Config) logs(r *http.Request, _ string) (int, any) {
	limit, err := number(r.URL.Query(), "limit", defaultLimit, maxLimit)
	if err != nil {
		return http.StatusBadRequest, problem(err.Error())
	}
	after := uint64(0)
	if text := r.URL.Query().Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return http.StatusBadRequest, problem("after must be the number that an earlier answer has as next")
		}
	}
	lines, next, lost := c.Lines.After(after, limit)
	return http.StatusOK, Logged{Lines: lines, Next: next, Lost: lost}
}

// list is a page of what is kept of a list of the pool's. Ids stay what they are while items come and go, so each page goes on where
// the one before has ended.
func list[T any](c Config, r *http.Request, of func(*messages.PoolStatus) []T, id func(T) string, keep func(T) bool) (int, any) {
	limit, err := number(r.URL.Query(), "limit", defaultLimit, maxLimit)
	if err != nil {
		return http.StatusBadRequest, problem(err.Error())
	}
	status, err := ask[*messages.PoolStatus](c, r, &messages.StatusRequest{})
	if err != nil {
		return gone(err)
	}
	items := slices.DeleteFunc(slices.Clone(of(status)), func(item T) bool { return !keep(item) })
	page := Page[T]{Total: len(items)}
	if after := r.URL.Query().Get("after"); after != "" {
		items = slices.DeleteFunc(items, func(item T) bool { return id(item) <= after })
	}
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	page.Items = append([]T{}, items[:min(limit, len(items))]...)
	if len(items) > limit {
		page.Next = id(items[limit-1])
	}
	return http.StatusOK, page
}

// number is a whole number of a query, 1 at least.
func number(query url.Values, name string, otherwise, most int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s must be a number from 1 to %d", name, most)
	}
	return n, nil
}
