// Package gateway puts the gateway together: the actors on the production engine, their ports, the listeners and, with
// the local backend, the embedded ECS-compatible endpoint. cmd/gateway runs one; tests and benchmarks run several.
package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"hearth/actors"
	"hearth/actors/pool"
	"hearth/infra/auth"
	"hearth/infra/ecs"
	"hearth/infra/efs"
	"hearth/infra/engine"
	"hearth/infra/observe"
	"hearth/infra/sign"
	"hearth/infra/sockets"
	"hearth/infra/trace"
	"hearth/messages"
)

// closeTimeout bounds the end of everything that is left once the drain is over.
const closeTimeout = 10 * time.Second

// Gateway is a running gateway.
type Gateway struct {
	cfg      Config
	log      zerolog.Logger
	registry *prometheus.Registry
	observer *observe.Observer
	tracer   *trace.Tracer
	signer   *sign.Signer
	engine   *engine.Engine
	pool     *actor.PID
	sockets  *sockets.Sockets
	launcher *ecs.Launcher
	// feed is nil unless there is a queue of ECS's events.
	feed     *ecs.Feed
	local    *localBackend
	clients  *auth.Clients
	devToken string

	listeners []net.Listener
	// certificates has that of each listener, nil for one without TLS.
	certificates []*certificate
	servers      []*http.Server
	// closing ends when the gateway does, and with it what goes on in the background.
	closing    context.Context
	endAll     context.CancelFunc
	background sync.WaitGroup
	drain      drain
	// failed gets what ends the gateway before it is asked to: a listener's error, or the pool's panic.
	failed chan error
}

// Start validates the configuration and starts a gateway. Its error has one line for each problem. What the local backend's tasks
// print is in the log, too.
func Start(ctx context.Context, cfg Config, log zerolog.Logger) (*Gateway, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	g := &Gateway{cfg: cfg, log: log, registry: prometheus.NewRegistry(), failed: make(chan error, 4)}
	g.closing, g.endAll = context.WithCancel(context.WithoutCancel(ctx))
	g.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	g.observer = observe.New(log, g.registry)
	g.observer.AskIsolation(cfg.Isolation)
	g.observer.Begin(cfg.Actors)
	if err := g.start(ctx); err != nil {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		return nil, errors.Join(err, g.close(closing))
	}
	return g, nil
}

// start brings up the parts, each before the one that needs it. What was started is closed by close, in any case.
func (g *Gateway) start(ctx context.Context) error {
	secret := []byte(g.cfg.TaskTokenSecret)
	if len(secret) == 0 {
		secret = sign.RandomSecret()
	}
	var previous [][]byte
	if g.cfg.TaskTokenSecretPrevious != "" {
		previous = append(previous, []byte(g.cfg.TaskTokenSecretPrevious))
	}
	var err error
	if g.signer, err = sign.New(secret, previous...); err != nil {
		return err
	}
	if g.tracer, err = trace.Start(ctx, g.cfg.Version, g.log); err != nil {
		return err
	}
	if err := g.startAuth(ctx); err != nil {
		return err
	}
	if err := g.listen(ctx); err != nil {
		return err
	}
	if err := g.startBackend(ctx); err != nil {
		return err
	}
	if err := g.startActors(); err != nil {
		return err
	}
	g.background.Go(g.followRevision)
	if g.feed != nil {
		g.background.Go(func() { g.feed.Run(g.closing) })
	}
	g.serve()
	return nil
}

func (g *Gateway) startAuth(ctx context.Context) (err error) {
	if g.cfg.Auth == AuthDev {
		switch g.devToken = g.cfg.DevToken; g.devToken {
		case "":
			g.devToken = rand.Text()
		case DevTokenOff:
			g.devToken = ""
			g.log.Warn().Msg("AUTH=dev with DEV_TOKEN=off: whoever is on this machine, agents too, may be any user and the operator")
		}
	}
	if g.cfg.JWKSURL != "" && g.cfg.JWTAudience == "" {
		g.log.Warn().Msg("JWKS_URL without JWT_AUDIENCE: a token that its issuer made for another service is taken here, too (RFC 8725, 3.9)")
	}
	g.clients, err = auth.NewClients(ctx, auth.Config{
		Dev: g.cfg.Auth == AuthDev, DevToken: g.devToken, Secret: []byte(g.cfg.JWTSecret), PreviousSecret: []byte(g.cfg.JWTSecretPrevious), JWKSURL: g.cfg.JWKSURL,
		Audience: g.cfg.JWTAudience, Issuer: g.cfg.JWTIssuer, Log: g.log,
	})
	return err
}

// DevToken is what clients and operators of a gateway with AUTH=dev have to show, empty where nothing is needed.
func (g *Gateway) DevToken() string { return g.devToken }

// listen takes the addresses, so that tasks can be told where to dial before any is started.
func (g *Gateway) listen(ctx context.Context) error {
	for _, each := range g.cfg.listenAddrs() {
		var c *certificate
		var err error
		if each.tls.set() {
			if c, err = newCertificate(each.tls, each.name, g.log); err != nil {
				return fmt.Errorf("%s: %w", each.name, err)
			}
		}
		g.certificates = append(g.certificates, c)
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", each.addr)
		if err != nil {
			return fmt.Errorf("%s: %w", each.name, err)
		}
		g.listeners = append(g.listeners, listener)
	}
	return g.findURL(ctx)
}

// internal is the listener that bridges and operators use: the last.
func (g *Gateway) internal() net.Listener { return g.listeners[len(g.listeners)-1] }

// Addr is where clients connect.
func (g *Gateway) Addr() net.Addr { return g.listeners[0].Addr() }

// URL is where clients connect, without the path.
func (g *Gateway) URL() string { return scheme(g.certificates[0]) + "://" + g.Addr().String() }

// scheme is that of a listener with the certificate.
func scheme(c *certificate) string {
	if c == nil {
		return "ws"
	}
	return "wss"
}

// InternalAddr is where bridges and operators connect.
func (g *Gateway) InternalAddr() net.Addr { return g.internal().Addr() }

// TemporaryWorkspaces is the directory of workspaces that goes with the gateway, empty when they stay.
func (g *Gateway) TemporaryWorkspaces() string {
	if g.local == nil || !g.local.keepsNothing() {
		return ""
	}
	return g.local.workspace
}

// Failed gets an error when the gateway can no longer work and should be closed.
func (g *Gateway) Failed() <-chan error { return g.failed }

func (g *Gateway) fail(err error) {
	select {
	case g.failed <- err:
	default: // somebody has been told already
	}
}

// startBackend starts the launcher, and with the local backend what it talks to.
func (g *Gateway) startBackend(ctx context.Context) (err error) {
	g.engine = engine.New(engine.Config{
		Log:           g.log,
		OnRootFailure: func(reason error) { g.fail(fmt.Errorf("the pool failed: %w", reason)) },
		OnIncident:    func(i engine.Incident) { g.observer.Incident(string(i.Kind)) },
	})
	var clients *ecs.Clients
	if g.cfg.Backend == BackendLocal {
		if g.local, err = startLocal(ctx, &g.cfg, g.log); err != nil {
			return err
		}
		clients = g.local.clients
	} else if clients, err = ecs.LoadClients(ctx, g.log); err != nil {
		return err
	}
	g.launcher, err = ecs.New(ecs.Config{
		Client: clients.ECS, Cluster: g.cfg.ECS.Cluster, TaskDefinition: g.cfg.ECS.TaskDefinition,
		ContainerName: g.cfg.ECS.ContainerName, StartedBy: g.cfg.ECS.StartedBy, Running: g.cfg.ECS.Running, GatewayWSURL: g.cfg.GatewayWSURL,
		WorkspaceRoot: g.cfg.Actors.WorkspaceRoot, AccessPoints: g.cfg.accessPoints(clients),
		WarmPools: clients.AutoScaling, AutoScalingGroups: g.cfg.ECS.AutoScalingGroups,
		SharedAccessPoint: g.cfg.sharedAccessPoint(), StopGrace: g.cfg.Actors.StopGrace, ModifyRate: g.cfg.ECS.ModifyRate,
		TaskToken: g.signer.TaskToken,
		Deliver:   g.deliver,
		Log:       g.log, OnCall: g.observer.Call,
	})
	if err != nil {
		return err
	}
	if url := g.cfg.ECS.EventsQueueURL; url != "" {
		g.feed = &ecs.Feed{
			Queue: clients.SQS, URL: url, Launcher: g.launcher,
			Stopped: func(m *messages.TaskDescribed) { g.deliver(g.pool, m) },
			HostsChanged: func() {
				if g.fleet() != nil {
					g.launcher.Sweep(g.pool)
				}
			},
		}
	}
	g.launcher.Start()
	return g.checkECS(ctx)
}

// sharedAccessPoint is what the task definition has to mount. The local backend's definition is this program's own.
func (c *Config) sharedAccessPoint() string {
	if !c.SharedAP || c.Backend != BackendECS {
		return ""
	}
	return c.SharedAPID
}

// accessPoints are the users' own, none when they share one.
func (c *Config) accessPoints(clients *ecs.Clients) ecs.AccessPoints {
	if c.SharedAP {
		return nil
	}
	return efs.New(efs.Config{Client: clients.EFS, Root: c.AccessPointRoot, Deployment: c.ECS.StartedBy})
}

// deliver gives actors what the adapters have for them. A message for an actor that has ended is counted by the engine.
func (g *Gateway) deliver(to *actor.PID, message any) { _ = g.engine.Send(to, message) }

// startActors starts the sockets, which are a port of the actors', and then the pool.
func (g *Gateway) startActors() (err error) {
	g.pool = g.engine.PID(actors.PoolName)
	g.sockets, err = sockets.New(sockets.Config{
		Pool: g.pool, Deliver: g.deliver, Enter: g.engine.Enter, Leave: g.engine.Leave, Log: g.log, MaxFrameBytes: g.cfg.MaxFrameBytes,
		TaskLease: g.cfg.Actors.TaskLease, TaskOrphanTTL: g.cfg.Actors.TaskOrphanTTL,
		MaxConnections: g.cfg.MaxConnections, AllowedOrigins: g.cfg.AllowedOrigins, VerifyTask: g.signer.VerifyTaskToken, RefreshToken: g.clients.Refresh,
	})
	if err != nil {
		return err
	}
	g.registry.MustRegister(socketMetrics{g.sockets}, certificateMetrics(g.certificates), buildInfo(g.cfg.Version))
	ports := &actors.Ports{
		Engine: g.engine, Clock: g.engine, Rand: g.engine,
		Launcher: g.launcher, Fleet: g.fleet(), Links: g.sockets, Signer: g.signer, Observer: g,
	}
	g.pool, err = g.engine.SpawnRoot(actors.PoolName, pool.New(ports, g.cfg.Actors))
	return err
}

// fleet is the cluster's hosts, nil where there are none.
func (g *Gateway) fleet() actors.Fleet {
	if g.cfg.ECS.Running.OnFargate() {
		return nil
	}
	return g.launcher
}

// Observe passes a fact on to everyone who wants to know.
func (g *Gateway) Observe(event messages.Event) {
	g.observer.Observe(event)
	g.tracer.Observe(event)
	if g.cfg.Watch != nil {
		g.cfg.Watch(event)
	}
}

// close ends what was started, the last first.
func (g *Gateway) close(ctx context.Context) (err error) {
	g.endAll()
	g.background.Wait()
	for _, server := range g.servers {
		err = errors.Join(err, server.Close())
	}
	for _, listener := range g.listeners[len(g.servers):] {
		err = errors.Join(err, listener.Close())
	}
	if g.sockets != nil {
		err = errors.Join(err, g.sockets.Shutdown(ctx))
	}
	if g.launcher != nil {
		err = errors.Join(err, g.launcher.Close(ctx))
	}
	if g.engine != nil {
		err = errors.Join(err, g.engine.Stop(ctx))
	}
	if g.local != nil {
		err = errors.Join(err, g.local.close(ctx))
	}
	if g.tracer != nil {
		err = errors.Join(err, g.tracer.Close(ctx))
	}
	if g.clients != nil {
		g.clients.Close()
	}
	return err
}
