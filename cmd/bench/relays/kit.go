package relays

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"hearth/cmd/bench/ends"
	"hearth/cmd/bench/rig"
)

// The relays, by the names that results have.
const (
	Hearth = "Hearth"
	Nginx  = "nginx"
	Bare   = "Go, bytes in and out"
	Node   = "Node with ws"
	// Direct is none at all: what the two ends take by themselves.
	Direct = "no relay"
)

// startTimeout bounds the start of a program.
const startTimeout = 30 * time.Second

//go:embed nginx.conf
var nginxConf string

//go:embed node
var nodeFiles embed.FS

// Kit is what relays are made of.
type Kit struct {
	// Programs is the directory with gateway, bridge, sim and bench.
	Programs string
	// Dir is where everything is written.
	Dir string
	// Files is how many files a process may have open.
	Files int
}

// Program is one of the project's.
func (k Kit) Program(name string) string { return filepath.Join(k.Programs, name) }

// NodeDir is where the Node.js programs and what they import are.
func (k Kit) NodeDir() string { return filepath.Join(k.Dir, "node") }

// Install sees to it that there are nginx, from Debian, and Node.js with what the programs here import, from npm. What is
// there already is left as it is.
func (k Kit) Install(ctx context.Context) error {
	for program, pkg := range map[string]string{"nginx": "nginx-light", "node": "nodejs", "npm": "npm"} {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		const script = `apt-get update -qq && apt-get install -y -qq --no-install-recommends "$0"`
		if err := run(ctx, "", "sh", "-c", script, pkg); err != nil {
			return fmt.Errorf("%s is needed: apt-get install %s: %w", program, pkg, err)
		}
	}
	if err := os.MkdirAll(k.NodeDir(), 0o755); err != nil {
		return err
	}
	entries, err := nodeFiles.ReadDir("node")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		text, err := nodeFiles.ReadFile("node/" + entry.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(k.NodeDir(), entry.Name()), text, 0o644); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(k.NodeDir(), "node_modules", "ws")); err == nil {
		return nil
	}
	return run(ctx, k.NodeDir(), "npm", "ci", "--no-audit", "--no-fund", "--silent")
}

func run(ctx context.Context, dir, name string, arguments ...string) error {
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(output))
	}
	return nil
}

// FarEnd is the process behind the relays.
type FarEnd struct {
	*rig.Process
	ends.Far
}

// StartFar starts the far end, whose tasks take a time to start.
func (k Kit) StartFar(ctx context.Context, start time.Duration) (FarEnd, error) {
	p, err := rig.Start("the far end", k.Program("bench"), []string{"far-end", "--start=" + start.String()})
	if err != nil {
		return FarEnd{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	where, err := p.Line(ctx, ends.FarText)
	if err == nil {
		var far ends.Far
		if far, err = ends.ParseFar(where); err == nil {
			return FarEnd{p, far}, nil
		}
	}
	p.Stop()
	return FarEnd{}, err
}

// Running is a relay that runs. Direct's has no process.
type Running struct {
	ends.Relay
	*rig.Process
	Name string
}

// Usage is what the relay has taken.
func (r Running) Usage() (rig.Usage, error) {
	if r.Process == nil {
		return rig.Usage{}, nil
	}
	return r.Process.Usage()
}

// Stop ends it.
func (r Running) Stop() {
	if r.Process != nil {
		r.Process.Stop()
	}
}

// Start starts a relay in front of a far end. Environment is for Hearth's gateway.
func (k Kit) Start(ctx context.Context, name string, far FarEnd, environment ...string) (Running, error) {
	upstream := strings.TrimSuffix(strings.TrimPrefix(far.Echo, "ws://"), "/ws")
	port, err := freePort()
	if err != nil {
		return Running{}, err
	}
	listen := "127.0.0.1:" + port
	r := Running{Name: name, Relay: ends.Relay{URL: "ws://" + listen + "/ws"}}
	switch name {
	case Direct:
		r.URL = far.Echo
		return r, nil
	case Nginx:
		r.Process, err = k.startNginx(listen, upstream)
	case Bare:
		r.Process, err = rig.Start(name, k.Program("bench"), []string{"bare", listen, far.Echo})
	case Node:
		r.Process, err = rig.Start(name, "node", []string{filepath.Join(k.NodeDir(), "relay.mjs"), port, far.Echo})
	case Hearth:
		r.Relay.Hearth = true
		r.Process, err = rig.Start(name, k.Program("gateway"), nil, append(gatewayEnvironment(listen, far.ECS), environment...)...)
	default:
		err = fmt.Errorf("there is no relay %q", name)
	}
	if err != nil {
		return Running{}, err
	}
	if err := awaitListener(ctx, r.Process, listen); err != nil {
		r.Stop()
		return Running{}, err
	}
	return r, nil
}

// gatewayEnvironment has a gateway as in production, but for the endpoint that stands for ECS and for its users, who need no
// tokens. Nothing bounds how many of them come.
func gatewayEnvironment(listen, ecs string) []string {
	return []string{
		"LISTEN_ADDR=" + listen, "GATEWAY_WS_URL=ws://" + listen, "AUTH=dev", "DEV_TOKEN=off", "LOG_FORMAT=json",
		"BACKEND=ecs", "AWS_ENDPOINT_URL_ECS=" + ecs, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any",
		"ECS_CLUSTER=" + ends.Cluster, "ECS_TASK_DEFINITION=" + ends.Definition, "ECS_CONTAINER_NAME=" + ends.Container,
		"SHARED_ACCESS_POINT_ID=" + ends.AccessPoint, "TASK_TOKEN_SECRET=a secret of the benchmark's, long enough",
		"MAX_SESSION_STARTS_PER_SECOND=0", "DRAIN_TIMEOUT=100ms",
	}
}

func (k Kit) startNginx(listen, upstream string) (*rig.Process, error) {
	dir, err := os.MkdirTemp(k.Dir, "nginx-")
	if err != nil {
		return nil, err
	}
	var conf bytes.Buffer
	err = template.Must(template.New("").Parse(nginxConf)).Execute(&conf, map[string]any{
		"Dir": dir, "Listen": listen, "Upstream": upstream, "Files": k.Files, "Connections": min(k.Files, 16<<10) - 256,
	})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, conf.Bytes(), 0o644); err != nil {
		return nil, err
	}
	return rig.Start(Nginx, "nginx", []string{"-p", dir, "-e", "stderr", "-c", path})
}

// freePort is a port that nothing listens on.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}

// awaitListener waits until the process takes connections.
func awaitListener(ctx context.Context, p *rig.Process, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		if err := p.Alive(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}
