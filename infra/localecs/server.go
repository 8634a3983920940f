package localecs

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Server is a running endpoint. Start makes one; all its methods may be called from any goroutine.
type Server struct {
	cfg        Config
	log        zerolog.Logger
	output     *output
	operations map[string]operation
	faults     *faultInjector
	processes  *spawner
	listener   net.Listener
	http       *http.Server
	serving    chan struct{}  // closed when the HTTP server's accept loop has ended
	living     sync.WaitGroup // one for each task that is not STOPPED yet
	closing    chan struct{}  // closed when Close begins
	closeOnce  sync.Once
	closeErr   error

	mu          sync.Mutex // guards what is below, and every cluster, definition, instance and task reached from it
	closed      bool       // Close has begun: no task starts any more
	clusters    map[string]*cluster
	families    map[string]*family
	definitions int             // revisions kept, in all families
	endpoints   map[string]slot // metadata endpoint ids of live tasks
	files       accessPoints
	groups      map[string]Group // by name
	queues      map[string]*queue
	capacity    chan struct{} // closed and replaced when there may be more room, or an agent is back
}

// Start listens and serves until Close. It fails on a bad Config, or when the address is taken or not on loopback.
func Start(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("localecs: %w", err)
	}
	listener, err := listenLoopback(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("localecs: %w", err)
	}
	s := &Server{
		cfg:        cfg,
		log:        cfg.Log,
		output:     newOutput(cfg.Output, cfg.Log),
		operations: operations(),
		faults:     newFaultInjector(cfg.Seed, cfg.Faults),
		processes:  newSpawner(),
		listener:   listener,
		serving:    make(chan struct{}),
		closing:    make(chan struct{}),
		clusters:   map[string]*cluster{},
		families:   map[string]*family{},
		endpoints:  map[string]slot{},
		files:      accessPoints{},
		groups:     map[string]Group{},
		queues:     map[string]*queue{},
		capacity:   make(chan struct{}),
	}
	first := s.addCluster(cfg.Cluster)
	if cfg.CapacityProvider != "" {
		first.providers = []string{cfg.CapacityProvider}
		first.strategy = []providerItem{{CapacityProvider: cfg.CapacityProvider, Weight: 1}}
	}
	s.addInstances(first, cfg.Instances, resources{cfg.InstanceCPU, cfg.InstanceMemory})
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          stdlog.New(s.log, "", 0),
	}
	go s.serve()
	s.log.Info().Str("url", s.URL()).Str("cluster", cfg.Cluster).Str("containment", s.processes.mode.String()).
		Msg("local ECS endpoint is up")
	return s, nil
}

func (s *Server) serve() {
	defer close(s.serving)
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error().Err(err).Msg("local ECS endpoint ended")
	}
}

// URL is the endpoint's base, for ecs.Options.BaseEndpoint or AWS_ENDPOINT_URL_ECS.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// killedTaskTimeout is how long Close waits for processes that it has sent SIGKILL: they end as soon as the kernel can.
const killedTaskTimeout = 10 * time.Second

// Close stops every task as StopTask would, waits for them, and closes the listener; until then tasks can reach their
// metadata and clients can watch. When ctx ends, what still runs gets SIGKILL. An error means that something is left behind.
// Calls after the first wait for it and return its result.
func (s *Server) Close(ctx context.Context) error {
	s.closeOnce.Do(func() { s.closeErr = s.close(ctx) })
	return s.closeErr
}

func (s *Server) close(ctx context.Context) error {
	s.endAll("The local ECS endpoint is shutting down")
	ended := make(chan struct{})
	go func() { // outlives Close only if a process outlives SIGKILL
		s.living.Wait()
		close(ended)
	}()
	var left error
	select {
	case <-ended:
	case <-ctx.Done():
		s.killAll()
		select {
		case <-ended:
		case <-time.After(killedTaskTimeout):
			left = errors.New("localecs: processes of tasks outlived SIGKILL")
		}
	}
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.http.Shutdown(last); err != nil {
		left = errors.Join(left, s.http.Close())
	}
	<-s.serving
	s.processes.close()
	return left
}

// listenLoopback listens on an address of the loopback interface. A name is resolved once, and what it resolved to is
// both checked and used.
func listenLoopback(address string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("refusing to listen on %s: this endpoint runs commands for anyone who reaches it, "+
			"so it listens on loopback only (127.0.0.1 or ::1)", address)
	}
	return net.ListenTCP("tcp", resolved)
}

// handler routes the listener's tenants: the APIs, the metadata endpoint and the control paths.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.serveAPI)
	mux.HandleFunc("GET /v4/{endpoint}", s.serveContainerMetadata)
	mux.HandleFunc("GET /v4/{endpoint}/task", s.serveTaskMetadata)
	s.routeFiles(mux)
	s.routeControl(mux)
	served := s.withKeys(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !localHost(r.Host) {
			http.Error(w, "localecs serves loopback only", http.StatusForbidden)
			return
		}
		served.ServeHTTP(w, r)
	})
}

// localHost reports whether a Host header names this machine's loopback. A page in a browser that had its own name
// resolve to 127.0.0.1 would send that name, and is refused.
func localHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
