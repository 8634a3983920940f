// Package api serves the gateway's HTTP endpoints beside the sockets: health, metrics, capacity, and what operators see
// and change.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"hearth/infra/observe"
	"hearth/messages"
	"hearth/messages/wire"
)

// askTimeout bounds the wait for the pool, which answers in microseconds unless it is gone.
const askTimeout = 5 * time.Second

// maxBody bounds the bodies that operators send.
const maxBody = 4 << 10

// Config is what the endpoints need of the gateway.
type Config struct {
	// Ask sends the pool a request and gives its answer.
	Ask func(ctx context.Context, request any) (any, error)
	// Ready reports whether sessions can be taken, and says so, or why not.
	Ready func() (bool, string)
	// Operator reports whether a request carries an operator's token, and whose it is.
	Operator func(*http.Request) (name string, ok bool)
	// Version is the program's release, Settings what it was told, with secrets masked.
	Version  string
	Settings []Setting
	// Log gets a line for everything that an operator does.
	Log zerolog.Logger
	// Lines has the last lines of the log.
	Lines *observe.Recent
	// Drain begins to drain; it does not wait. Undrain takes that back, or says why it cannot.
	Drain   func()
	Undrain func(ctx context.Context) error
	// Hour is what has happened in the last one; Changed is closed when something does.
	Hour    func() observe.Hour
	Changed func() <-chan struct{}
	// Metrics is served on /metrics.
	Metrics prometheus.Gatherer
}

// Probes adds /healthz and /readyz, which load balancers ask without a token.
func (c Config) Probes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		ready, text := c.Ready()
		status := http.StatusOK
		if !ready {
			status = http.StatusServiceUnavailable
		}
		plain(w, status, text)
	})
}

// Endpoints adds /metrics and /api/*.
func (c Config) Endpoints(mux *http.ServeMux) {
	mux.Handle("GET /metrics", promhttp.HandlerFor(c.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /api/capacity", c.capacity)
	strangers := c.strangers()
	looks := map[string]handler{
		"GET /api/status": c.status, "GET /api/pool": c.summary, "GET /api/sessions": c.sessions, "GET /api/tasks": c.tasks,
		"GET /api/hosts": c.hosts, "GET /api/config": c.settings, "GET /api/logs": c.logs,
	}
	for pattern, look := range looks {
		mux.HandleFunc(pattern, c.operator(strangers, look))
	}
	mux.HandleFunc("GET /api/feed", c.authorized(strangers, c.feed(make(chan struct{}, maxFeeds))))
	for pattern, act := range map[string]action{
		"POST /api/pool":            {"resize", c.resize},
		"DELETE /api/sessions/{id}": {"end session", c.endSession},
		"DELETE /api/users/{id}":    {"end user's sessions", c.endUser},
		"POST /api/drain":           {"drain", c.drain},
		"DELETE /api/drain":         {"undrain", c.undrain},
	} {
		mux.HandleFunc(pattern, c.operator(strangers, c.audited(act)))
	}
}

// handler answers an operator's request.
type handler func(r *http.Request, operator string) (status int, body any)

// operator answers requests with an operator's token.
func (c Config) operator(strangers zerolog.Logger, next handler) http.HandlerFunc {
	return c.authorized(strangers, func(w http.ResponseWriter, r *http.Request, operator string) {
		status, body := next(r, operator)
		answer(w, status, body)
	})
}

// authorized lets only requests with an operator's token through.
func (c Config) authorized(strangers zerolog.Logger, next func(w http.ResponseWriter, r *http.Request, operator string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, ok := c.Operator(r)
		if !ok {
			from(strangers.Warn(), r).Msg("an operator's request without an operator's token")
			w.Header().Set("WWW-Authenticate", "Bearer")
			answer(w, http.StatusUnauthorized, problem("the operator's token is needed: Authorization: Bearer ..."))
			return
		}
		next(w, r, name)
	}
}

func (c Config) capacity(w http.ResponseWriter, r *http.Request) {
	hint, err := ask[*messages.Hint](c, r, &messages.CapacityRequest{})
	if err != nil {
		answer(w, http.StatusServiceUnavailable, problem(err.Error()))
		return
	}
	if hint.Draining { // as a client's handshake would be answered
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusServiceUnavailable, map[string]any{"reason": wire.ByeDraining, "etaMs": 0})
		return
	}
	answer(w, http.StatusOK, struct {
		Reason wire.WaitReason `json:"reason"`
		EtaMs  int64           `json:"etaMs"`
	}{hint.Reason, wire.Millis(hint.Eta)})
}

// ask gets the pool's answer of the type that it gives to the request.
func ask[A any](c Config, r *http.Request, request any) (A, error) {
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	var none A
	reply, err := c.Ask(ctx, request)
	if err != nil {
		return none, fmt.Errorf("the pool does not answer: %w", err)
	}
	typed, ok := reply.(A)
	if !ok {
		return none, fmt.Errorf("the pool answered %T", reply)
	}
	return typed, nil
}

// problem is the body of an error that says what to do.
func problem(message string) map[string]string { return map[string]string{"error": message} }

// gone is the answer when the pool gives none.
func gone(err error) (int, any) { return http.StatusServiceUnavailable, problem(err.Error()) }

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body) // the client may be gone; nobody else waits for it
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // as above
}
