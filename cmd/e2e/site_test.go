package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/rs/zerolog"

	"hearth/actors"
	"hearth/infra/gateway"
	"hearth/messages/wire"
)

// site is a gateway in this process with the embedded backend. Its tasks are real processes.
type site struct {
	endpoint
	t       testing.TB
	dir     string
	gateway *gateway.Gateway
	log     *journal
	cfg     gateway.Config
	// ws is the base that clients connect to.
	ws string

	mu sync.Mutex
	// secrets are the users' tokens, which nobody but the agents may see.
	secrets []string
	closed  bool
}

// workspace is where a user's files are.
func (s *site) workspace(user string) string { return filepath.Join(s.dir, "workspaces", user) }

// siteConfig is a configuration as the product has it by default, but on a free port, with JWTs and shorter waits.
func siteConfig(t testing.TB, dir string) gateway.Config {
	t.Helper()
	settings := actors.DefaultSettings()
	settings.WorkspaceRoot = filepath.Join(dir, "workspaces")
	settings.StopGrace = time.Second
	settings.PollInterval = 100 * time.Millisecond
	settings.BackoffBase, settings.BackoffMax = 50*time.Millisecond, time.Second
	settings.MaxSessionStartsPerSecond = 0   // bursts are what tests are made of
	settings.AcceptTimeout = 5 * time.Second // the machine may be busy; tests of this limit have their own
	return gateway.Config{
		ListenAddr: "127.0.0.1:0",
		Isolation:  "auto",
		Backend:    gateway.BackendLocal, SharedAP: true, ECS: gateway.ECSConfig{StartedBy: "e2e"},
		Local: gateway.LocalConfig{
			Bridge: bridgeIn(t, dir), Instances: 1,
			AccessKeyID: localKeys.AccessKeyID, SecretAccessKey: localKeys.SecretAccessKey,
			AgentCommand: "cat", AgentIO: "text", AgentStderr: "log", LogLevel: "debug",
		},
		Actors: settings,
		Auth:   gateway.AuthJWT, JWTSecret: rand.Text() + rand.Text(),
		OperatorToken: rand.Text(), TaskTokenSecret: rand.Text() + rand.Text(),
		MaxFrameBytes: 1 << 20, MaxConnections: 1000, DrainTimeout: patience,
	}
}

// openSite starts a site, and closes it with the test. Options change the configuration.
func openSite(t testing.TB, options ...func(*gateway.Config)) *site {
	t.Helper()
	dir := sharedDir(t)
	cfg := siteConfig(t, dir)
	for _, option := range options {
		option(&cfg)
	}
	s := &site{t: t, dir: dir, cfg: cfg, log: &journal{}}
	log := zerolog.New(s.log).Level(zerolog.TraceLevel)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log:\n%s", s.log)
		}
	})
	g, err := gateway.Start(context.Background(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	s.gateway = g
	s.ws = "ws://" + g.Addr().String()
	s.endpoint = endpoint{t: t, base: "http://" + g.InternalAddr().String(), operator: cfg.OperatorToken}
	t.Cleanup(s.close)
	return s
}

// warmPool is the option that switches the pool on or off.
func warmPool(on bool) func(*gateway.Config) {
	return func(c *gateway.Config) { c.Actors.WarmPool = on }
}

// agent is the option that sets the agent's command.
func agent(command string) func(*gateway.Config) {
	return func(c *gateway.Config) { c.Local.AgentCommand = command }
}

// pool is the option that sets the pool's bounds. The threshold is the minimum less one.
func pool(minimum, maximum int) func(*gateway.Config) {
	return func(c *gateway.Config) {
		c.Actors.Min, c.Actors.Max, c.Actors.Threshold = minimum, maximum, actors.DefaultThreshold(minimum)
	}
}

// close drains the gateway, and checks what must be so in the end of every test: nothing is left running, and no secret
// has got out.
func (s *site) close() {
	s.t.Helper()
	if s.closed {
		return
	}
	s.closed = true
	if s.gateway != nil {
		s.checkSecrets()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.gateway.Close(ctx); err != nil {
			s.t.Errorf("close the gateway: %v", err)
		}
	}
	nothingLeft(s.t, s.dir)
	s.findSecrets("the log", s.log.String())
}

// checkSecrets looks for secrets in everything that others can see of a running site.
func (s *site) checkSecrets() {
	s.t.Helper()
	for _, path := range []string{"/metrics", "/api/status", "/api/capacity", "/readyz", "/healthz"} {
		request, err := http.NewRequest(http.MethodGet, s.base+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+s.operator)
		response, err := web.Do(request)
		if err != nil {
			s.t.Errorf("%s: %v", path, err)
			continue
		}
		var body strings.Builder
		if _, err = fmt.Fprintf(&body, "%v", response.Header); err == nil {
			err = response.Write(&body)
		}
		_ = response.Body.Close()
		if err != nil {
			s.t.Errorf("%s: %v", path, err)
		}
		s.findSecrets(path, body.String())
	}
	for _, pid := range processesOf(s.t, s.dir) {
		for _, file := range []string{"cmdline", "environ"} {
			// It may have ended meanwhile, or hide its environment.
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
			s.findSecrets(fmt.Sprintf("process %d's %s", pid, file), string(text))
		}
	}
}

func (s *site) findSecrets(where, text string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range append(s.secrets, s.cfg.JWTSecret, s.cfg.TaskTokenSecret, s.cfg.OperatorToken) {
		if secret != "" && strings.Contains(text, secret) {
			s.t.Errorf("%s has a secret", where)
		}
	}
}

// token is a new JWT of a user's, which is good for as long as it says.
func (s *site) token(user string, goodFor time.Duration) wire.Secret {
	s.t.Helper()
	claims := jwt.RegisteredClaims{
		Subject: user, ID: rand.Text(), ExpiresAt: jwt.NewNumericDate(time.Now().Add(goodFor)),
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(s.cfg.JWTSecret))
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, signed)
	return wire.Secret(signed)
}

// faults sets the embedded endpoint's faults, as an operator who practises for bad days does.
func (s *site) faults(faults string) { s.backend("/_localecs/faults", faults) }

// backend turns one of the embedded endpoint's knobs.
func (s *site) backend(path, body string) {
	s.t.Helper()
	ecs := endpoint{t: s.t, base: s.log.await(s.t, "local ECS endpoint is up").URL, keys: localKeys}
	ecs.must(http.MethodPost, path, body)
}

// behind is the option that has tasks dial a proxy, which is then to be aimed at the gateway.
func behind(p *proxy) func(*gateway.Config) {
	return func(c *gateway.Config) { c.GatewayWSURL = p.ws() }
}
