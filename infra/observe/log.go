package observe

import (
	"math"
	"time"

	"github.com/rs/zerolog"

	"hearth/messages"
)

// wording is how a fact is logged.
type wording struct {
	level   zerolog.Level
	message string
}

// wordings has every kind of fact. Info is what an operator follows, a line or two a session; warnings are what the pool
// mends by itself; errors are what somebody suffered from.
var wordings = map[messages.EventKind]wording{
	messages.EventStarting:      {zerolog.DebugLevel, "task is to be started"},
	messages.EventReady:         {zerolog.InfoLevel, "task is ready"},
	messages.EventUnready:       {zerolog.WarnLevel, "ready task lost its socket; waiting for it to dial again"},
	messages.EventWaiting:       {zerolog.InfoLevel, "session waits for a task"},
	messages.EventAway:          {zerolog.InfoLevel, "client of a waiting session left; it has its turn again if it is back soon"},
	messages.EventClaimed:       {zerolog.DebugLevel, "task is bound to a session"},
	messages.EventReleased:      {zerolog.DebugLevel, "task is no longer its session's"},
	messages.EventRequeued:      {zerolog.WarnLevel, "task failed its session, which gets another"},
	messages.EventDelayed:       {zerolog.WarnLevel, "claim is put off, for agents of its user cannot be started or end at once"},
	messages.EventClaimFailed:   {zerolog.ErrorLevel, "session gets no task"},
	messages.EventLeft:          {zerolog.InfoLevel, "session stopped waiting"},
	messages.EventEvicted:       {zerolog.InfoLevel, "task without a session is given up"},
	messages.EventGone:          {zerolog.DebugLevel, "nothing is left of the task"},
	messages.EventStartFailed:   {zerolog.WarnLevel, "task did not become ready, or died while it waited"},
	messages.EventFenced:        {zerolog.WarnLevel, "session waits: an earlier agent of its user may still write to the workspace"},
	messages.EventVacated:       {zerolog.WarnLevel, "the lease of a task that was given up is over: its agent runs no more"},
	messages.EventResumed:       {zerolog.WarnLevel, "agent goes on, which was suspended because its bridge had no gateway"},
	messages.EventAgentsFail:    {zerolog.ErrorLevel, "agents cannot be started, for one user after the other: tasks are started one at a time, later and later"},
	messages.EventAgentsStart:   {zerolog.InfoLevel, "an agent has started again"},
	messages.EventBackoff:       {zerolog.DebugLevel, "starts are held back"},
	messages.EventRevision:      {zerolog.InfoLevel, "tasks are started with this revision of their definition; idle ones of others are replaced"},
	messages.EventRuns:          {zerolog.DebugLevel, "it is known what the task runs"},
	messages.EventPlanned:       {zerolog.DebugLevel, "demand foretold"},
	messages.EventResized:       {zerolog.InfoLevel, "pool resized"},
	messages.EventShadowResized: {zerolog.InfoLevel, "shadow policy has another target"},
	messages.EventShadowed:      {zerolog.DebugLevel, "shadow policy, so far"},
	messages.EventEndAsked:      {zerolog.WarnLevel, "an operator ends sessions"},
	messages.EventHost:          {zerolog.InfoLevel, "host changed state"},
	messages.EventHostLost:      {zerolog.WarnLevel, "host is gone, and its tasks with it"},
	messages.EventHostWithdrawn: {zerolog.InfoLevel, "host drains; its tasks are replaced"},
	messages.EventListed:        {zerolog.InfoLevel, "it is known which tasks run"},
	messages.EventAdopted:       {zerolog.InfoLevel, "task of an earlier gateway taken over"},
	messages.EventHeld:          {zerolog.InfoLevel, "client waits for its session's bridge to dial"},
	messages.EventDraining:      {zerolog.InfoLevel, "draining: no new sessions"},
	messages.EventUndrained:     {zerolog.InfoLevel, "draining no more: new sessions are taken"},
	messages.EventHandedOver:    {zerolog.InfoLevel, "task's bridge has left for another gateway"},
	messages.EventRefused:       {zerolog.WarnLevel, "turned away"},
	messages.EventLaunched:      {zerolog.DebugLevel, "ECS accepted the task"},
	messages.EventNotDialled:    {zerolog.WarnLevel, notDialled},
	messages.EventLaunchError:   {zerolog.WarnLevel, "ECS call failed"},
	messages.EventAssigned:      {zerolog.DebugLevel, "init_user sent"},
	messages.EventActive:        {zerolog.DebugLevel, "agent takes input"},
	messages.EventDetached:      {zerolog.WarnLevel, "active task lost its socket; waiting for it to dial again"},
	messages.EventReattached:    {zerolog.InfoLevel, "active task dialled again"},
	messages.EventIsolated:      {zerolog.DebugLevel, "what isolates the task's agent has changed"},
	messages.EventStopping:      {zerolog.DebugLevel, "task is being stopped"},
	messages.EventStopped:       {zerolog.InfoLevel, "task is stopped"},
	messages.EventAbandoned:     {zerolog.ErrorLevel, "task may still be running; stop it by hand"},
	messages.EventSessionBegun:  {zerolog.InfoLevel, "session begins"},
	messages.EventAttached:      {zerolog.DebugLevel, "client attached"},
	messages.EventClientLeft:    {zerolog.InfoLevel, "client left; its session lives on"},
	messages.EventSessionReady:  {zerolog.InfoLevel, "session is ready"},
	messages.EventFirstOutput:   {zerolog.InfoLevel, "first output of the session's agent"},
	messages.EventAgentEnded:    {zerolog.InfoLevel, "agent has ended"},
	messages.EventRestarting:    {zerolog.WarnLevel, "session lost its task and gets another"},
	messages.EventSessionState:  {zerolog.TraceLevel, "session changed state"},
	messages.EventSessionEnded:  {zerolog.InfoLevel, "session ended"},
	messages.EventUnexpected:    {zerolog.WarnLevel, "message that the state has no use for"},
	messages.EventCrashed:       {zerolog.ErrorLevel, "actor crashed"},
}

// KindOf is the fact that is logged with a message, for whoever reads a log.
func KindOf(message string) (kind messages.EventKind, known bool) {
	kind, known = kinds[message]
	return kind, known
}

// kinds are the facts by their messages, which are all different.
var kinds = func() map[string]messages.EventKind {
	kinds := map[string]messages.EventKind{}
	for kind, w := range wordings {
		kinds[w.message] = kind
	}
	return kinds
}()

const notDialled = "task runs, but its bridge has not reached the gateway: check GATEWAY_WS_URL, security groups and the task's log"

// write logs a fact with the fields that it fills.
func (o *Observer) write(e messages.Event) {
	w, known := wordings[e.Kind]
	if !known {
		w = wording{zerolog.WarnLevel, "fact without a wording: " + string(e.Kind)}
	}
	log := &o.log
	if e.Kind == messages.EventUnexpected {
		log = &o.odd
	}
	if e.Kind == messages.EventAgentEnded && e.Reason != "" {
		w.level = zerolog.WarnLevel // it was of no use
	}
	line := log.WithLevel(w.level)
	if !line.Enabled() {
		return
	}
	text := func(key, value string) {
		if value != "" {
			line.Str(key, value)
		}
	}
	text("task", string(e.Task))
	text("session", string(e.Session))
	text("user", string(e.User))
	text("host", string(e.Host))
	text("arn", e.ARN)
	text("traceparent", string(e.Trace))
	text("revision", string(e.Revision))
	text("state", e.Phase)
	text("path", string(e.Path))
	text("why", string(e.Why))
	text("reason", e.Reason)
	text("kind", string(e.Fault))
	text("failure", string(e.Failure))
	text("exit", e.Exit)
	if e.Took > 0 {
		line.Float64("tookMs", rounded(float64(e.Took)/float64(time.Millisecond)))
	}
	if e.N > 0 {
		line.Int("n", e.N)
	}
	if p := e.Plan; p != nil {
		line.Float64("sessionsPerMinute", rounded(p.PerMinute)).Float64("startMs", rounded(p.StartMs)).
			Float64("expectedHitRate", p.HitRate).Str("basis", string(p.Basis)).Str("caution", string(p.Caution))
	}
	if s := e.Shadow; s != nil {
		line.Str("policy", s.Policy).Int("target", s.Target)
		tally(line, "inForce", &s.InForce)
		tally(line, "shadow", &s.Shadow)
	}
	if c := e.Census; c != nil {
		line.Int("ready", c.Ready).Int("starting", c.Starting).Int("assigned", c.Assigned).Int("waiting", c.Waiting)
	}
	line.Msg(w.message)
}

// tally logs what a policy came to.
func tally(line *zerolog.Event, name string, t *messages.Tally) {
	line.Dict(name, zerolog.Dict().Int("claims", t.Claims).Int("hits", t.Hits).Int("starts", t.Starts).
		Float64("idleTaskHours", rounded(t.IdleTaskSeconds/3600)))
}

// rounded is a figure to a tenth.
func rounded(x float64) float64 { return math.Round(x*10) / 10 }
