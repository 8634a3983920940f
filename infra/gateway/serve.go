package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"hearth/infra/api"
	"hearth/infra/auth"
	"hearth/infra/console"
	"hearth/infra/observe"
	"hearth/infra/sockets"
)

// operator is the check of operators' requests.
func (g *Gateway) operator() func(*http.Request) (name string, ok bool) {
	if g.cfg.Auth == AuthDev && g.devToken == "" {
		return auth.OpenOperator
	}
	tokens, _ := operatorTokens(g.cfg.OperatorTokens) // they have been validated
	tokens["operator"], tokens["dev"] = g.cfg.OperatorToken, g.devToken
	return auth.Operator(tokens)
}

// serve takes connections. With an internal listener the public one has nothing but clients and probes.
func (g *Gateway) serve() {
	endpoints := api.Config{
		Ask:      func(ctx context.Context, request any) (any, error) { return g.engine.Ask(ctx, g.pool, request) },
		Hour:     g.observer.LastHour,
		Changed:  g.observer.Changed,
		Ready:    g.observer.Ready,
		Operator: g.operator(),
		Drain:    g.operatorDrains,
		Undrain:  g.operatorUndrains,
		Metrics:  g.registry,
		Version:  g.cfg.Version, Settings: g.cfg.Settings, Log: g.log, Lines: cmp.Or(g.cfg.Lines, observe.NewRecent()),
	}
	muxes := make([]*http.ServeMux, len(g.listeners))
	for i := range muxes {
		muxes[i] = http.NewServeMux()
		endpoints.Probes(muxes[i])
	}
	public, internal := muxes[0], muxes[len(muxes)-1]
	public.Handle("GET /", console.Handler(true))
	if internal != public {
		internal.Handle("GET /", console.Handler(false)) // the pool is to be seen where its endpoints are
	}
	public.Handle("GET /ws", g.sockets.ClientHandler(g.clients.Authenticate))
	internal.Handle("GET /internal/", g.sockets.BridgeHandler())
	endpoints.Endpoints(internal)
	for i, listener := range g.listeners {
		handler := sockets.WithoutBodies(muxes[i], func(r *http.Request) bool {
			_, ok := endpoints.Operator(r)
			return ok && r.Method == http.MethodPost
		})
		server, serve := sockets.NewServer(handler, g.log), (*http.Server).Serve
		if c := g.certificates[i]; c != nil {
			server.TLSConfig, serve = c.config(), serveTLS
		}
		g.servers = append(g.servers, server)
		go func() {
			if err := serve(server, listener); !errors.Is(err, http.ErrServerClosed) {
				g.fail(fmt.Errorf("listener %s: %w", listener.Addr(), err))
			}
		}()
	}
}

// serveTLS serves with the certificate of the server's own configuration.
func serveTLS(server *http.Server, listener net.Listener) error {
	return server.ServeTLS(listener, "", "")
}
