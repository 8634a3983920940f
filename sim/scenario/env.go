package scenario

import (
	"fmt"
	"strings"
	"time"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
	"hearth/sim/model"
)

// env is what a story acts on, and where its trace goes.
type env struct {
	model    *model.Model
	narrator model.Narrator
	trace    strings.Builder

	clients map[string]*model.Client
	names   map[*model.Client]string
	// crash is the fact in the middle of which the next actor crashes; empty is none.
	crash messages.EventKind
}

// commands are all that a story may say. Each handler is in a file of its own, handler_COMMAND.go, with its description.
var commands map[string]func(*env, *arguments) error

func init() {
	commands = map[string]func(*env, *arguments) error{
		"gateway": (*env).gateway,
		"advance": (*env).advance,

		// Clients.
		"arrive": (*env).arrive,
		"join":   (*env).join,
		"say":    (*env).say,
		"send":   (*env).send,
		"leave":  (*env).leave,
		"drop":   (*env).drop,
		"again":  (*env).again,
		"stall":  (*env).stall,

		// Tasks and their bridges.
		"die":      (*env).die,
		"evict":    (*env).evict,
		"hang":     (*env).hang,
		"cut":      (*env).cut,
		"cut-off":  (*env).cutOff,
		"exit":     (*env).exit,
		"capture":  (*env).capture,
		"bridges":  (*env).bridges,
		"impostor": (*env).impostor,

		// ECS.
		"script": (*env).script,
		"tasks":  (*env).tasks,
		"host":   (*env).host,
		"hosts":  (*env).hosts,

		// Operators, and what nobody wants.
		"resize":   (*env).resize,
		"end":      (*env).end,
		"revision": (*env).revision,
		"drain":    (*env).drain,
		"undrain":  (*env).undrain,
		"status":   (*env).status,
		"capacity": (*env).capacity,
		"crash":    (*env).crashes,
		"restart":  (*env).restart,
		"deploy":   (*env).deploy,
	}
}

func (e *env) close() {
	if e.model != nil {
		e.model.Close()
	}
}

func (e *env) print(format string, arguments ...any) {
	fmt.Fprintf(&e.trace, format+"\n", arguments...)
}

// line adds a line to the trace at the present time.
func (e *env) line(who, what, rest string) {
	e.print("%s", e.narrator.Line(e.model.World.Now(), who, what, rest))
}

// settle has everything happen that needs no time, and the little that sockets need: a handful of milliseconds would blur
// what came of which command.
func (e *env) settle() { e.model.World.Advance(0) }

// client is a client of the story by its name.
func (e *env) client(name string) (*model.Client, error) {
	if c := e.clients[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("there is no client %q", name)
}

func (e *env) register(name string, c *model.Client) {
	e.clients[name] = c
	e.names[c] = name
}

// task is a task of the story by its short name.
func (e *env) task(name string) (*model.Container, error) {
	if t := e.model.Cloud.Task(wire.TaskID(e.narrator.ID(name))); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("ECS has no task %q", name)
}

// told adds a frame that a client is told.
func (e *env) told(c *model.Client, frame wire.Frame) {
	e.line(e.names[c], "is told", e.narrator.Frame(frame))
}

// saboteur crashes the actor that reports a certain fact.
type saboteur struct {
	actors.Observer
	env *env
}

// Observe passes the fact on, and panics if it is the one.
func (s *saboteur) Observe(event messages.Event) {
	s.Observer.Observe(event)
	if event.Kind == s.env.crash && event.Census == nil {
		s.env.crash = ""
		panic("sabotage")
	}
}

// fixed is a distribution that leaves nothing to chance.
func fixed(d time.Duration) model.Distribution { return model.Fixed(d) }
