package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"hearth/infra/observe"
	"hearth/messages"
	"hearth/messages/wire"
)

// pool stands in for the actor.
type pool struct {
	resized                  *messages.Resize
	drained, undrained, gone bool
	log                      bytes.Buffer
	// changed is closed when something happens; nil is never.
	changed chan struct{}
	// sessions are in the status.
	sessions []messages.SessionStatus
}

func (p *pool) changes() <-chan struct{} { return p.changed }

func (p *pool) ask(_ context.Context, request any) (any, error) {
	if p.gone {
		return nil, errors.New("it is gone")
	}
	switch m := request.(type) {
	case *messages.CapacityRequest:
		return &messages.Hint{Reason: wire.ReasonWarmStarting, Eta: 1500 * time.Millisecond}, nil
	case *messages.StatusRequest:
		return &messages.PoolStatus{Pool: messages.PoolCounts{Ready: 3, Min: 3, Max: 10, Target: 3}, Sessions: p.sessions}, nil
	case *messages.EndSessions:
		if m.Session == "s-1" || m.User == "auth0|1" {
			return &messages.Ended{Sessions: 1}, nil
		}
		return &messages.Ended{}, nil
	case *messages.Resize:
		if m.Min > m.Max {
			return &messages.Resized{Problem: "minimum over maximum"}, nil
		}
		p.resized = m
		return &messages.Resized{}, nil
	}
	return nil, errors.New("unknown request")
}

func (p *pool) undrain(context.Context) error {
	if p.gone {
		return errors.New("it is gone")
	}
	p.undrained = true
	return nil
}

func serve(t *testing.T, p *pool, ready bool) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	c := Config{
		Ask:      p.ask,
		Ready:    func() (bool, string) { return ready, "no task has been ready yet" },
		Operator: func(r *http.Request) (string, bool) { return "ann", r.Header.Get("Authorization") == "Bearer operator" },
		Settings: []Setting{{Name: "LOG_LEVEL", Flag: "--log-level", Value: "info", Origin: "default"}},
		Log:      zerolog.New(&p.log), Lines: observe.NewRecent(), Version: "1.2.3",
		Drain:   func() { p.drained = true },
		Undrain: p.undrain,
		Metrics: prometheus.NewRegistry(),
		Hour:    func() observe.Hour { return observe.Hour{Minutes: [60]observe.Minute{59: {Starts: 7}}} },
		Changed: p.changes,
	}
	c.Probes(mux)
	c.Endpoints(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestEndpoints(t *testing.T) {
	for _, test := range []struct {
		name, method, path, body, token string
		ready, gone                     bool
		status                          int
		want                            string
	}{
		{"alive", "GET", "/healthz", "", "", false, false, 200, "ok"},
		{"ready", "GET", "/readyz", "", "", true, false, 200, "ready"},
		{"not ready", "GET", "/readyz", "", "", false, false, 503, "no task has been ready yet"},
		{"metrics", "GET", "/metrics", "", "", true, false, 200, ""},
		{"capacity", "GET", "/api/capacity", "", "", true, false, 200, `"etaMs": 1500`},
		{"capacity, pool gone", "GET", "/api/capacity", "", "", true, true, 503, "the pool does not answer"},
		{"status", "GET", "/api/status", "", "operator", true, false, 200, `"ready": 3`},
		{"status without the token", "GET", "/api/status", "", "", true, false, 401, "operator's token"},
		{"status with a wrong token", "GET", "/api/status", "", "guess", true, false, 401, "operator's token"},
		{"summary", "GET", "/api/pool", "", "operator", false, false, 200, `"says": "no task has been ready yet"`},
		{"summary without the token", "GET", "/api/pool", "", "", true, false, 401, "operator's token"},
		{"sessions without the token", "GET", "/api/sessions", "", "", true, false, 401, "operator's token"},
		{"sessions, pool gone", "GET", "/api/sessions", "", "operator", true, true, 503, "the pool does not answer"},
		{"sessions, too many", "GET", "/api/sessions?limit=1001", "", "operator", true, false, 400, "limit must be a number from 1 to 1000"},
		{"tasks, none", "GET", "/api/tasks?limit=0", "", "operator", true, false, 400, "limit must be"},
		{"hosts", "GET", "/api/hosts", "", "operator", true, false, 200, `"items": []`},
		{"settings", "GET", "/api/config", "", "operator", true, false, 200, `"name": "LOG_LEVEL"`},
		{"settings without the token", "GET", "/api/config", "", "", true, false, 401, "operator's token"},
		{"log", "GET", "/api/logs", "", "operator", true, false, 200, `"next": 1`},
		{"log, from nowhere", "GET", "/api/logs?after=x", "", "operator", true, false, 400, "after must be"},
		{"log without the token", "GET", "/api/logs", "", "", true, false, 401, "operator's token"},
		{"feed without the token", "GET", "/api/feed", "", "", true, false, 401, "operator's token"},
		{"feed, pool gone", "GET", "/api/feed", "", "operator", true, true, 503, "the pool does not answer"},
		{"pool", "POST", "/api/pool", `{"min":5,"max":20}`, "operator", true, false, 200, `"max": 20`},
		{"pool, minimum alone", "POST", "/api/pool", `{"min":5}`, "operator", true, false, 200, `"max": 10`},
		{"pool, bad bounds", "POST", "/api/pool", `{"min":50}`, "operator", true, false, 400, "minimum over maximum"},
		{"pool, unknown field", "POST", "/api/pool", `{"size":5}`, "operator", true, false, 400, "the body must be"},
		{"pool, rest", "POST", "/api/pool", `{"min":5}{}`, "operator", true, false, 400, "nothing else"},
		{"pool, too large", "POST", "/api/pool", strings.Repeat(" ", maxBody) + `{"min":5}`, "operator", true, false, 400, "too large"},
		{"end a session", "DELETE", "/api/sessions/s-1", "", "operator", true, false, 200, `"ended": 1`},
		{"end no session", "DELETE", "/api/sessions/s-2", "", "operator", true, false, 404, "no such session"},
		{"end what is no id", "DELETE", "/api/sessions/-", "", "operator", true, false, 400, "not the id"},
		{"end a session without the token", "DELETE", "/api/sessions/s-1", "", "", true, false, 401, "operator's token"},
		{"end a user's", "DELETE", "/api/users/auth0%7C1?deny=15m", "", "operator", true, false, 200, `"ended": 1`},
		{"deny a user who has none", "DELETE", "/api/users/ann?deny=15m", "", "operator", true, false, 200, `"ended": 0`},
		{"end nobody's", "DELETE", "/api/users/ann", "", "operator", true, false, 404, "no such session"},
		{"deny for no time", "DELETE", "/api/users/ann?deny=soon", "", "operator", true, false, 400, "15m"},
		{"end a user's without the token", "DELETE", "/api/users/ann", "", "", true, false, 401, "operator's token"},
		{"pool without the token", "POST", "/api/pool", `{"min":5}`, "", true, false, 401, "operator's token"},
		{"drain", "POST", "/api/drain", "", "operator", true, false, 202, `"draining": true`},
		{"drain without the token", "POST", "/api/drain", "", "", true, false, 401, "operator's token"},
		{"undrain", "DELETE", "/api/drain", "", "operator", true, false, 200, `"draining": false`},
		{"undrain too late", "DELETE", "/api/drain", "", "operator", true, true, 503, "it is gone"},
		{"undrain without the token", "DELETE", "/api/drain", "", "", true, false, 401, "operator's token"},
		{"wrong method", "GET", "/api/drain", "", "operator", true, false, 405, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &pool{gone: test.gone}
			server := serve(t, p, test.ready)
			request, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if test.token != "" {
				request.Header.Set("Authorization", "Bearer "+test.token)
			}
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != test.status || !strings.Contains(string(body), test.want) {
				t.Errorf("got %d %s, want %d %s", response.StatusCode, body, test.status, test.want)
			}
			if wantDrain := test.path == "/api/drain" && test.status == http.StatusAccepted; p.drained != wantDrain {
				t.Errorf("drained %v, want %v", p.drained, wantDrain)
			}
			if wantUndrain := test.name == "undrain"; p.undrained != wantUndrain {
				t.Errorf("undrained %v, want %v", p.undrained, wantUndrain)
			}
			if wantResize := test.method == "POST" && test.path == "/api/pool" && test.status == http.StatusOK; (p.resized != nil) != wantResize {
				t.Errorf("resized %v, want %v", p.resized, wantResize)
			}
		})
	}
}
