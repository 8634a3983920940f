package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"hearth/actors"
	"hearth/infra/api"
	"hearth/infra/auth"
	"hearth/infra/ecs"
	"hearth/infra/efs"
	"hearth/infra/observe"
	"hearth/infra/sign"
	"hearth/messages"
	"hearth/messages/wire"
)

// The backends that run tasks.
const (
	// BackendLocal runs tasks as processes of this machine, through an embedded ECS-compatible endpoint.
	BackendLocal = "local"
	// BackendECS runs tasks on Amazon ECS, or on whatever AWS_ENDPOINT_URL_ECS names.
	BackendECS = "ecs"
)

// The ways in which clients prove who they are.
const (
	AuthJWT = "jwt"
	AuthDev = "dev"
	// DevTokenOff is the DEV_TOKEN that lets everybody on the machine be any user.
	DevTokenOff = "off"
)

// Config is everything that a gateway is told. cmd/gateway fills it from flags and the environment.
type Config struct {
	// ListenAddr takes clients; InternalListenAddr, when set, takes everything else: bridges, metrics and operators.
	ListenAddr, InternalListenAddr string
	// TLS is the certificate of ListenAddr, InternalTLS that of InternalListenAddr. Each listener has its own: they are
	// reached by different names, and bridges may trust another issuer than users do.
	TLS, InternalTLS TLSFiles
	// GatewayWSURL is where tasks dial, ws:// or wss://, or AutoURL. The local backend finds it by itself.
	GatewayWSURL string

	Backend string
	ECS     ECSConfig
	Local   LocalConfig
	// Isolation is what keeps agents apart: what the local backend's tasks are told, and what /readyz holds all tasks to.
	Isolation string
	// SharedAP is the first phase's switch, SharedAPID the access point.
	SharedAP   bool
	SharedAPID string
	// AccessPointRoot is, without the shared access point, the directory on the file system that has the users' directories.
	AccessPointRoot string

	Actors actors.Settings

	Auth string
	// JWTSecret and TaskTokenSecret have another before them for as long as what was signed with that is out there.
	JWTSecret, JWTSecretPrevious             string
	TaskTokenSecret, TaskTokenSecretPrevious string
	JWKSURL                                  string
	JWTAudience                              string
	JWTIssuer                                string
	AllowedOrigins                           []string
	OperatorToken, DevToken                  string
	// OperatorTokens are those of named operators: name=token, with commas between them.
	OperatorTokens string

	// MaxFrameBytes is the largest payload that a frame may have.
	MaxFrameBytes int
	// MaxConnections bounds the sockets of clients and bridges.
	MaxConnections int
	DrainTimeout   time.Duration

	// Version is the program's release, Settings what operators are shown of its settings.
	Version  string
	Settings []api.Setting
	// Lines has the last lines of the log for operators; without it they are shown none.
	Lines *observe.Recent

	// Watch, when set, is told every fact that the actors report, beside the log and the metrics. It must not block.
	Watch func(messages.Event)
}

// ECSConfig says which tasks to run.
type ECSConfig struct {
	Cluster, TaskDefinition, ContainerName string
	// StartedBy marks this deployment's tasks.
	StartedBy string
	// RevisionSweep is how often a TaskDefinition without a revision is looked at for a new one; default 1 minute.
	RevisionSweep time.Duration
	// EventsQueueURL is the SQS queue with ECS's events for this gateway alone; empty for none.
	EventsQueueURL string
	// AutoScalingGroups are those of the hosts whose warm pools count for what waiting clients are told.
	AutoScalingGroups []string
	// ModifyRate is how many tasks a second may be started and stopped; 0 is what AWS gives every account.
	ModifyRate int
	// Running says where and how they run.
	Running ecs.Running
}

// LocalConfig says what the embedded backend's tasks are made of.
type LocalConfig struct {
	// Bridge is the bridge's binary.
	Bridge string
	// Instances is the number of container instances that tasks are spread over.
	Instances int
	// AccessKeyID and SecretAccessKey are what the endpoint's calls must be signed with; it makes some where there are none.
	AccessKeyID, SecretAccessKey string
	// StartDelay is added to every task's start, so that a cold start can be felt.
	StartDelay time.Duration

	AgentCommand, AgentIO, AgentStderr string
	// LogLevel is the bridges'.
	LogLevel string
}

var sharedAPPattern = regexp.MustCompile(`^fsap-[0-9a-f]{8,40}$`)

// validate reports everything that is wrong, one error a problem, each naming the setting by its environment variable.
func (c *Config) validate() error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	for _, listener := range c.listenAddrs() {
		if _, _, err := net.SplitHostPort(listener.addr); err != nil {
			problem("%s: %q is not host:port", listener.name, listener.addr)
		}
	}
	if u, err := url.Parse(c.GatewayWSURL); c.GatewayWSURL != "" && c.GatewayWSURL != AutoURL && (err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss") {
		problem("GATEWAY_WS_URL: must be ws://host:port, wss://host:port or auto")
	}
	problems = append(problems, c.validateTLS()...)
	problems = append(problems, c.validatePhases()...)
	switch c.Backend {
	case BackendLocal:
		problems = append(problems, c.validateLocal()...)
	case BackendECS:
		problems = append(problems, c.validateECS()...)
	default:
		problem("BACKEND: %q is neither local nor ecs", c.Backend)
	}
	problems = append(problems, c.validateAuth()...)
	settings := c.Actors
	if c.Backend == BackendLocal && settings.WorkspaceRoot == "" {
		settings.WorkspaceRoot = os.TempDir() // a directory of its own is made there
	}
	if err := settings.Validate(); err != nil {
		problems = append(problems, err)
	}
	if c.MaxFrameBytes < 1<<10 {
		problem("MAX_FRAME_BYTES: %d is less than 1 KiB", c.MaxFrameBytes)
	}
	if url := c.ECS.EventsQueueURL; url != "" && !ecs.CheckQueueURL(url) {
		problem("ECS_EVENTS_QUEUE_URL: must be https://sqs.REGION.amazonaws.com/ACCOUNT/NAME")
	}
	if sweep := c.ECS.RevisionSweep; sweep != 0 && sweep < time.Second {
		problem("REVISION_SWEEP: must be at least 1s")
	}
	if c.DrainTimeout <= 0 {
		problem("DRAIN_TIMEOUT: must be more than 0")
	}
	return errors.Join(problems...)
}

// listenAddr is an address to listen on, the setting that it is from, and the certificate that goes with it.
type listenAddr struct {
	name, addr string
	tls        TLSFiles
}

// listenAddrs are the addresses to listen on, the internal one last.
func (c *Config) listenAddrs() []listenAddr {
	addrs := []listenAddr{{"LISTEN_ADDR", c.ListenAddr, c.TLS}}
	if c.InternalListenAddr != "" {
		addrs = append(addrs, listenAddr{"INTERNAL_LISTEN_ADDR", c.InternalListenAddr, c.InternalTLS})
	}
	return addrs
}

// validateTLS checks the certificates, and that bridges are not told to speak plainly to a listener that does not.
func (c *Config) validateTLS() (problems []error) {
	for _, err := range []error{
		c.TLS.validate("TLS_CERT_FILE", "TLS_KEY_FILE"),
		c.InternalTLS.validate("INTERNAL_TLS_CERT_FILE", "INTERNAL_TLS_KEY_FILE"),
	} {
		if err != nil {
			problems = append(problems, err)
		}
	}
	if c.InternalTLS.set() && c.InternalListenAddr == "" {
		problems = append(problems, errors.New("INTERNAL_TLS_CERT_FILE: needs INTERNAL_LISTEN_ADDR"))
	}
	addrs := c.listenAddrs()
	if internal := addrs[len(addrs)-1]; internal.tls.set() && strings.HasPrefix(strings.ToLower(c.GatewayWSURL), "ws:") {
		problems = append(problems, fmt.Errorf("GATEWAY_WS_URL: must be wss://, as %s speaks TLS", internal.name))
	}
	return problems
}

// validatePhases checks the two switches of the roll-out.
func (c *Config) validatePhases() []error {
	switch {
	case !c.SharedAP && c.Actors.WarmPool:
		return []error{errors.New("ENABLE_WARM_POOL=true needs USE_SHARED_AP=true: a warm task boots before its user is known, " +
			"so it cannot mount an access point of the user's own")}
	case !c.SharedAP:
		if err := efs.CheckRoot(c.AccessPointRoot); err != nil {
			return []error{fmt.Errorf("ACCESS_POINT_ROOT: %w", err)}
		}
	case c.SharedAPID != "" && !sharedAPPattern.MatchString(c.SharedAPID):
		return []error{fmt.Errorf("SHARED_ACCESS_POINT_ID: %q is not an access point id (fsap-...)", c.SharedAPID)}
	case c.SharedAPID == "" && c.Backend == BackendECS:
		return []error{errors.New("SHARED_ACCESS_POINT_ID: needed with BACKEND=ecs and USE_SHARED_AP=true")}
	}
	return nil
}

func (c *Config) validateLocal() (problems []error) {
	if c.Local.AgentCommand == "" {
		problems = append(problems, errors.New("AGENT_COMMAND: needed with BACKEND=local"))
	}
	if info, err := os.Stat(c.Local.Bridge); err != nil || info.IsDir() {
		problems = append(problems, fmt.Errorf("LOCAL_BRIDGE: no bridge at %q; `make build` puts it beside the gateway", c.Local.Bridge))
	}
	if c.Local.Instances < 1 {
		problems = append(problems, errors.New("LOCAL_INSTANCES: must be at least 1"))
	}
	return problems
}

func (c *Config) validateECS() []error {
	return append(c.ECS.Running.Validate(), missing("with BACKEND=ecs", []namedValue{
		{"ECS_CLUSTER", c.ECS.Cluster}, {"ECS_TASK_DEFINITION", c.ECS.TaskDefinition},
		{"ECS_CONTAINER_NAME", c.ECS.ContainerName}, {"GATEWAY_WS_URL", c.GatewayWSURL},
		{"TASK_TOKEN_SECRET", c.TaskTokenSecret},
	})...)
}

// namedValue is the environment variable of a setting, and its value.
type namedValue struct{ name, value string }

// missing are the settings that are needed and not there.
func missing(when string, needed []namedValue) (problems []error) {
	for _, each := range needed {
		if each.value == "" {
			problems = append(problems, fmt.Errorf("%s: needed %s", each.name, when))
		}
	}
	return problems
}

func (c *Config) validateAuth() (problems []error) {
	switch c.Auth {
	case AuthJWT:
		if (c.JWTSecret == "") == (c.JWKSURL == "") {
			problems = append(problems, errors.New("AUTH=jwt needs exactly one of JWT_SECRET and JWKS_URL (for a try on one machine: AUTH=dev)"))
		}
	case AuthDev:
		for _, listener := range c.listenAddrs() {
			if _, _, err := net.SplitHostPort(listener.addr); err != nil {
				continue // a problem of its own
			}
			if err := auth.CheckDevListener(listener.addr); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", listener.name, err))
			}
		}
	default:
		problems = append(problems, fmt.Errorf("AUTH: %q is neither jwt nor dev", c.Auth))
	}
	return append(problems, c.validateSecrets()...)
}

// validateSecrets checks those that must have a length, and that none comes before nothing.
func (c *Config) validateSecrets() (problems []error) {
	if _, err := operatorTokens(c.OperatorTokens); err != nil {
		problems = append(problems, err)
	}
	for _, each := range []struct{ name, secret, previous string }{
		{"JWT_SECRET", c.JWTSecret, c.JWTSecretPrevious},
		{"TASK_TOKEN_SECRET", c.TaskTokenSecret, c.TaskTokenSecretPrevious},
	} {
		for name, secret := range map[string]string{each.name: each.secret, each.name + "_PREVIOUS": each.previous} {
			if n := len(secret); n > 0 && n < sign.MinSecretBytes {
				problems = append(problems, fmt.Errorf("%s: %d bytes, must be at least %d (such as from: openssl rand -base64 32)",
					name, n, sign.MinSecretBytes))
			}
		}
		if each.previous != "" && each.secret == "" {
			problems = append(problems, fmt.Errorf("%s_PREVIOUS: needs %s, the secret after it", each.name, each.name))
		}
	}
	return problems
}

// BridgeBesideGateway is where `make build` puts the bridge: beside the running binary.
func BridgeBesideGateway() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Join(filepath.Dir(self), "bridge")
}

// minOperatorToken is the length of a token that nobody guesses, in bytes.
const minOperatorToken = 20

// operatorTokens reads the tokens of named operators. Its error does not have them.
func operatorTokens(text string) (map[string]string, error) {
	tokens := map[string]string{}
	for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		name, token, _ := strings.Cut(strings.TrimSpace(entry), "=")
		switch {
		case !wire.ValidID(name) || name == "operator" || name == "dev" || tokens[name] != "":
			return tokens, errors.New("OPERATOR_TOKENS: must be NAME=TOKEN,...; each name once, and neither operator nor dev")
		case len(token) < minOperatorToken:
			return tokens, fmt.Errorf("OPERATOR_TOKENS: the token of %s must have at least %d bytes", name, minOperatorToken)
		}
		tokens[name] = token
	}
	return tokens, nil
}
