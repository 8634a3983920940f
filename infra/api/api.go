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

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

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
	// Operator reports whether a request carries the operator's token.
	Operator func(*http.Request) bool
	// Drain begins to drain; it does not wait.
	Drain func()
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
	mux.HandleFunc("GET /api/status", c.operator(c.status))
	mux.HandleFunc("POST /api/pool", c.operator(c.pool))
	mux.HandleFunc("DELETE /api/sessions/{id}", c.operator(c.endSession))
	mux.HandleFunc("DELETE /api/users/{id}", c.operator(c.endUser))
	mux.HandleFunc("POST /api/drain", c.operator(func(w http.ResponseWriter, _ *http.Request) {
		c.Drain()
		answer(w, http.StatusAccepted, map[string]bool{"draining": true})
	}))
}

// operator lets only requests with the operator's token through.
func (c Config) operator(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !c.Operator(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem(w, http.StatusUnauthorized, "the operator's token is needed: Authorization: Bearer ...")
			return
		}
		next(w, r)
	}
}

func (c Config) capacity(w http.ResponseWriter, r *http.Request) {
	hint, err := ask[*messages.Hint](c, r, &messages.CapacityRequest{})
	if err != nil {
		problem(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	answer(w, http.StatusOK, struct {
		Reason wire.WaitReason `json:"reason"`
		EtaMs  int64           `json:"etaMs"`
	}{hint.Reason, wire.Millis(hint.Eta)})
}

func (c Config) status(w http.ResponseWriter, r *http.Request) {
	status, err := ask[*messages.PoolStatus](c, r, &messages.StatusRequest{})
	if err != nil {
		problem(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	answer(w, http.StatusOK, status)
}

// pool changes the pool's bounds; one that is left out stays as it is.
func (c Config) pool(w http.ResponseWriter, r *http.Request) {
	var bounds struct {
		Min *int `json:"min"`
		Max *int `json:"max"`
	}
	body := http.MaxBytesReader(w, r.Body, maxBody)
	if err := jsonv2.UnmarshalRead(body, &bounds, jsonv2.RejectUnknownMembers(true)); err != nil {
		problem(w, http.StatusBadRequest, `the body must be {"min":N,"max":N} and nothing else: `+err.Error())
		return
	}
	status, err := ask[*messages.PoolStatus](c, r, &messages.StatusRequest{})
	if err != nil {
		problem(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	request := &messages.Resize{Min: status.Pool.Min, Max: status.Pool.Max}
	if bounds.Min != nil {
		request.Min = *bounds.Min
	}
	if bounds.Max != nil {
		request.Max = *bounds.Max
	}
	resized, err := ask[*messages.Resized](c, r, request)
	switch {
	case err != nil:
		problem(w, http.StatusServiceUnavailable, err.Error())
	case resized.Problem != "":
		problem(w, http.StatusBadRequest, resized.Problem)
	default:
		answer(w, http.StatusOK, map[string]int{"min": request.Min, "max": request.Max})
	}
}

// endSession ends one session.
func (c Config) endSession(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !wire.ValidID(id) {
		problem(w, http.StatusBadRequest, "this is not the id of a session")
		return
	}
	c.end(w, r, &messages.EndSessions{Session: wire.SessionID(id)})
}

// endUser ends all of a user's sessions. ?deny=15m keeps the user out for as long.
func (c Config) endUser(w http.ResponseWriter, r *http.Request) {
	request := &messages.EndSessions{User: wire.UserID(r.PathValue("id"))}
	if !wire.ValidUserID(string(request.User)) {
		problem(w, http.StatusBadRequest, "this is not the id of a user")
		return
	}
	if text := r.URL.Query().Get("deny"); text != "" {
		var err error
		if request.Deny, err = time.ParseDuration(text); err != nil || request.Deny < 0 {
			problem(w, http.StatusBadRequest, "deny must be a time such as 15m")
			return
		}
	}
	c.end(w, r, request)
}

// end asks for the end of sessions. None is an answer, too, but not for who has named one, or keeps nobody out.
func (c Config) end(w http.ResponseWriter, r *http.Request, request *messages.EndSessions) {
	ended, err := ask[*messages.Ended](c, r, request)
	switch {
	case err != nil:
		problem(w, http.StatusServiceUnavailable, err.Error())
	case ended.Sessions == 0 && request.Deny == 0:
		problem(w, http.StatusNotFound, "there is no such session at this gateway")
	default:
		answer(w, http.StatusOK, map[string]int{"ended": ended.Sessions})
	}
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

// problem answers with an error that says what to do.
func problem(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"error": message})
}

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
