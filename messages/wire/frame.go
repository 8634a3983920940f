package wire

import (
	"encoding/json"
	"time"
)

// Frame is one JSON object of the wire contract (docs/protocol.md), tagged on the wire by its type.
type Frame interface {
	// FrameType is the wire's "type".
	FrameType() string
}

// Hello is a client's first frame.
type Hello struct {
	// SessionID asks for a session to be resumed; empty asks for a new one.
	SessionID SessionID `json:"sessionId,omitempty"`
	// LastSeq is the last output that the client has processed.
	LastSeq uint64 `json:"lastSeq"`
	// Acks says that this client acknowledges outputs; otherwise the gateway does it once they are written to the socket.
	Acks bool `json:"acks"`
	// AcksInData says that this client reads the acknowledgements that come with data.
	AcksInData bool `json:"acksInData,omitzero"`
	// Window is the size of the window that is to show the agent's terminal, zero where it is not told.
	Window Resize `json:"window,omitzero"`
	// Traceparent is the trace that the session's start belongs to, if there is one.
	Traceparent Traceparent `json:"traceparent,omitempty"`
}

// Session answers a Hello.
type Session struct {
	SessionID SessionID `json:"sessionId"`
	UserID    UserID    `json:"userId"`
	Resumed   bool      `json:"resumed"`
	// LastSeq is the last input that the agent has been given: the client resends what is above it.
	LastSeq uint64 `json:"lastSeq"`
	// AcksInData says that this gateway reads the acknowledgements that come with data.
	AcksInData bool `json:"acksInData,omitzero"`
}

// SessionState is what a client is told about its session.
type SessionState string

// The states of a status frame.
const (
	StateWaiting      SessionState = "waiting"
	StateStarting     SessionState = "starting"
	StateReady        SessionState = "ready"
	StateReconnecting SessionState = "reconnecting"
	StateRestarting   SessionState = "restarting"
)

// WaitReason says what a waiting client waits for.
type WaitReason string

// The reasons of a status frame, shortest wait first.
const (
	ReasonAvailable    WaitReason = "available"
	ReasonWarmStarting WaitReason = "warm_starting"
	ReasonColdStarting WaitReason = "cold_starting"
	ReasonQueued       WaitReason = "queued"
	// ReasonBackoff: starts have failed, in general or for this user, and the next is not tried yet.
	ReasonBackoff WaitReason = "backoff"
	// ReasonFenced: an earlier agent of this user's may still write to the workspace.
	ReasonFenced WaitReason = "fenced"
)

// Status tells a client where its session stands.
type Status struct {
	State  SessionState `json:"state"`
	Reason WaitReason   `json:"reason,omitempty"`
	EtaMs  int64        `json:"etaMs"`
	// Message says what has failed, while starts do; else it is empty.
	Message string `json:"message,omitempty"`
}

// Path says how a session got its task.
type Path string

// The paths of a ready frame.
const (
	PathWarm    Path = "warm"
	PathCold    Path = "cold"
	PathResumed Path = "resumed"
)

// ColdReason says why a start was not warm.
type ColdReason string

// Why a start was not warm. The empty reason belongs to a warm one.
const (
	WhyPoolEmpty    ColdReason = "pool_empty"
	WhyPoolDisabled ColdReason = "pool_disabled"
	WhyAllStarting  ColdReason = "all_starting"
	WhyNoCapacity   ColdReason = "no_capacity"
	WhyClaimFailed  ColdReason = "claim_failed"
	WhyFenced       ColdReason = "fenced"
)

// Timings are the phases of a start, in milliseconds. The gateway measures the first two, the bridge the rest.
type Timings struct {
	ClaimMs     int64 `json:"claimMs"`
	InitMs      int64 `json:"initMs"`
	WorkspaceMs int64 `json:"workspaceMs"`
	TokenMs     int64 `json:"tokenMs"`
	AgentMs     int64 `json:"agentMs"`
}

// Ready tells a client that its agent takes input from here on.
type Ready struct {
	Path      Path       `json:"path"`
	ElapsedMs int64      `json:"elapsedMs"`
	Why       ColdReason `json:"why,omitempty"`
	Timings   Timings    `json:"timings"`
	// IO is how the agent takes input and gives output, empty where its bridge does not say.
	IO AgentIO `json:"io,omitempty"`
}

// Data is one line of the agent's input or output. Payload is JSON, kept as it came.
type Data struct {
	// Seq counts from 1 in each direction of a session; 0 on a client's frame means that the gateway is to number it.
	Seq uint64
	// Ack acknowledges what came the other way up to there, as an Ack does, which it saves; 0 acknowledges nothing. It is sent only to
	// who has said to read it.
	Ack     uint64
	Payload json.RawMessage
	// Bytes says that Payload is a string of base64, of what is no text: it goes over the wire as a frame of type bytes.
	Bytes bool
	// Stream is where an output comes from, empty for the usual one.
	Stream Stream
	// More says that the output is a piece of a longer line, and that the next output goes on with it.
	More bool
}

// Stream names one of an agent's outputs.
type Stream string

// StreamStderr is an agent's standard error, where it is merged into its output.
const StreamStderr Stream = "stderr"

// AgentIO is how an agent takes input and gives output (AGENT_IO).
type AgentIO string

// The kinds of input and output.
const (
	// IOJSON: each line is a JSON value.
	IOJSON AgentIO = "jsonl"
	// IOText: each line is a string.
	IOText AgentIO = "text"
	// IOTerminal: the agent has a terminal of its own. Inputs are what is typed, outputs what a terminal is to show.
	IOTerminal AgentIO = "pty"
)

// Resize gives the size of the window that shows an agent's terminal, in characters.
type Resize struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// Signal sends the agent's processes a signal: those in the foreground of its terminal, where it has one. Name is without SIG.
type Signal struct {
	Name string `json:"name"`
}

// EOF is the end of the agent's input. To a bridge, After is the last input before it.
type EOF struct {
	After uint64 `json:"after,omitzero"`
}

// maxWindow bounds a window's sides; the kernel's have 16 bits.
const maxWindow = 10_000

// signals are the signals that a client may send.
var signals = map[string]bool{"INT": true, "QUIT": true, "TERM": true, "HUP": true, "KILL": true, "USR1": true, "USR2": true, "TSTP": true, "CONT": true}

// Token replaces the user's token.
type Token struct {
	Token Secret `json:"token"`
}

// Close ends the session.
type Close struct{}

// Ping asks for a Pong with the same id.
type Ping struct {
	ID string `json:"id"`
}

// Pong answers a Ping.
type Pong struct {
	ID string `json:"id"`
}

// Gap says that the outputs From to To are gone for good.
type Gap struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// ErrorCode is the machine's half of an error.
type ErrorCode string

// The codes of an error frame.
const (
	CodeBadFrame        ErrorCode = "bad_frame"
	CodeUnauthenticated ErrorCode = "unauthenticated"
	CodeForbidden       ErrorCode = "forbidden"
	CodeSessionNotFound ErrorCode = "session_not_found"
	CodeTooManySessions ErrorCode = "too_many_sessions"
	CodeOverCapacity    ErrorCode = "over_capacity"
	CodeStartTimeout    ErrorCode = "start_timeout"
	CodeStartFailed     ErrorCode = "start_failed"
	CodeTaskLost        ErrorCode = "task_lost"
	CodeAgentFailed     ErrorCode = "agent_failed"
	CodeFrameTooLarge   ErrorCode = "frame_too_large"
	CodeRateLimited     ErrorCode = "rate_limited"
	CodeInternal        ErrorCode = "internal"
)

// Error tells a client what went wrong.
type Error struct {
	Code      ErrorCode `json:"code"`
	Message   string    `json:"message"`
	Retryable bool      `json:"retryable"`
	// RetryAfterMs is how long a retry has to wait: sooner it is not served. 0 where nothing is known against it.
	RetryAfterMs int64 `json:"retryAfterMs,omitzero"`
}

// ByeReason says why the gateway closes a client's socket.
type ByeReason string

// The reasons of a bye frame.
const (
	ByeIdleTimeout ByeReason = "idle_timeout"
	ByeClosed      ByeReason = "closed"
	ByeReplaced    ByeReason = "replaced"
	ByeDraining    ByeReason = "draining"
	ByeTaskLost    ByeReason = "task_lost"
	ByeStartFailed ByeReason = "start_failed"
	// ByeToken: the user's token expired and no other came.
	ByeToken    ByeReason = "token_expired"
	ByeLifetime ByeReason = "max_lifetime"
	// ByeOperator: an operator has ended it.
	ByeOperator ByeReason = "operator"
)

// Bye is the last frame before the gateway closes a client's socket.
type Bye struct {
	Reason ByeReason `json:"reason"`
}

// BridgeState says whether a bridge has been given a user.
type BridgeState string

// The states of a bridge's hello.
const (
	BridgeWarm     BridgeState = "warm"
	BridgeAssigned BridgeState = "assigned"
	// BridgeFailed: it cannot start an agent, for any user, and ends. Code and Message say why.
	BridgeFailed BridgeState = "failed"
)

// BridgeHello is a bridge's first frame on every dial.
type BridgeHello struct {
	TaskID  TaskID      `json:"taskId"`
	Version string      `json:"version"`
	State   BridgeState `json:"state"`
	// SessionID, UserID and Binding are what InitUser gave, once the bridge is assigned.
	SessionID SessionID `json:"sessionId,omitempty"`
	UserID    UserID    `json:"userId,omitempty"`
	Binding   string    `json:"binding,omitempty"`
	// Code and Message say why the bridge has failed.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Pass is the latest that a Pass gave, while the bridge is warm.
	Pass Secret `json:"pass,omitempty"`
	// InSeq is the last input given to the agent, OutSeq the last output produced.
	InSeq  uint64 `json:"inSeq"`
	OutSeq uint64 `json:"outSeq"`
	// MaxFrameBytes is the largest payload that the bridge takes, 0 where it does not say.
	MaxFrameBytes int `json:"maxFrameBytes,omitzero"`
	// Isolation names the levels that keep agents apart there, as the bridge's setting ISOLATION does; empty where it does not say.
	Isolation string `json:"isolation,omitzero"`
	// IO is how its agent takes input and gives output, empty where it does not say.
	IO AgentIO `json:"io,omitempty"`
	// Leases says that the bridge holds to a lease: its agent does not run without a gateway for longer.
	Leases bool `json:"leases,omitzero"`
	// AcksInData says that the bridge reads the acknowledgements that come with data.
	AcksInData bool `json:"acksInData,omitzero"`
	// SuspendedMs is for how long its agent has been suspended because its lease was over, 0 where it is not.
	SuspendedMs int64 `json:"suspendedMs,omitzero"`
}

// IsolationLevels are the names of the levels of isolation, in the order in which a bridge's hello lists them. Not to be changed.
var IsolationLevels = []string{"path", "uid", "landlock", "chroot"}

// Pass gives a warm bridge the gateway's signature that its task may be given a user. The bridge shows it in every hello
// while it is warm and forgets it with InitUser, so that nobody who has had a user can be given another.
type Pass struct {
	Pass Secret `json:"pass"`
}

// InitUser gives a task its user, at most once in its life.
type InitUser struct {
	UserID       UserID    `json:"userId"`
	SessionID    SessionID `json:"sessionId"`
	WorkspaceDir string    `json:"workspaceDir"`
	Token        Secret    `json:"token"`
	// Binding is the gateway's signature over task, session and user: the bridge shows it to be adopted.
	Binding string `json:"binding"`
	// InSeq and OutSeq say where a session that had an earlier task goes on counting.
	InSeq  uint64 `json:"inSeq"`
	OutSeq uint64 `json:"outSeq"`
	// Fence asks for a Fence, after which the gateway decides when the agent may start.
	Fence bool `json:"fence,omitzero"`
	// Window is the size of the window that shows the agent's terminal, zero where no client has told it.
	Window Resize `json:"window,omitzero"`
	// Traceparent is its client's, for the agent to go on with.
	Traceparent Traceparent `json:"traceparent,omitempty"`
}

// BridgeReady says that the agent takes input. Only the bridge's phases of the timings are set.
type BridgeReady struct {
	SessionID SessionID `json:"sessionId"`
	Timings   Timings   `json:"timings"`
}

// InitFailed says that the task could not be given its user; the gateway tries another.
type InitFailed struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Keepalive says that the agent asks for more time: its session is not idle although nothing is said.
type Keepalive struct{}

// Gone is the last word of a bridge whose container was told to end although no gateway had asked for that. All of its
// agent's output was before it; the session goes on in another task.
type Gone struct{}

// Resume asks a bridge to replay the outputs above FromSeq.
type Resume struct {
	FromSeq uint64 `json:"fromSeq"`
}

// Stop ends a task: SIGTERM to the agent, SIGKILL after the grace.
type Stop struct {
	Reason  string `json:"reason"`
	GraceMs int64  `json:"graceMs"`
}

// Redial asks a bridge to dial again, at URL if it is given.
type Redial struct {
	URL string `json:"url,omitempty"`
}

// Unknown is a frame of a type that this version does not know. It is ignored.
type Unknown struct{ Type string }

// The wire's names.
func (Hello) FrameType() string   { return "hello" }
func (Session) FrameType() string { return "session" }
func (Status) FrameType() string  { return "status" }
func (Ready) FrameType() string   { return "ready" }
func (d Data) FrameType() string {
	if d.Bytes {
		return "bytes"
	}
	return "data"
}
func (Resize) FrameType() string      { return "resize" }
func (Signal) FrameType() string      { return "signal" }
func (EOF) FrameType() string         { return "eof" }
func (Token) FrameType() string       { return "token" }
func (Close) FrameType() string       { return "close" }
func (Ping) FrameType() string        { return "ping" }
func (Pong) FrameType() string        { return "pong" }
func (Gap) FrameType() string         { return "gap" }
func (Exit) FrameType() string        { return "exit" }
func (Error) FrameType() string       { return "error" }
func (Bye) FrameType() string         { return "bye" }
func (BridgeHello) FrameType() string { return "hello" }
func (Pass) FrameType() string        { return "pass" }
func (InitUser) FrameType() string    { return "init_user" }
func (Accepted) FrameType() string    { return "accepted" }
func (BridgeReady) FrameType() string { return "ready" }
func (InitFailed) FrameType() string  { return "init_failed" }
func (Keepalive) FrameType() string   { return "keepalive" }
func (Gone) FrameType() string        { return "gone" }
func (Resume) FrameType() string      { return "resume" }
func (Stop) FrameType() string        { return "stop" }
func (Redial) FrameType() string      { return "redial" }
func (u Unknown) FrameType() string   { return u.Type }

// Millis is d in the wire's whole milliseconds.
func Millis(d time.Duration) int64 { return d.Milliseconds() }
