package host

import (
	"hearth/actors"
	"hearth/messages"
)

// unborn is where a host's actor begins. Its other states are messages.HostState, for they are told as they are.
const unborn messages.HostState = ""

// Transitions are all the ways between a host's states.
var Transitions = actors.NewTransitions([]actors.Transition[messages.HostState]{
	{From: unborn, To: messages.HostInService, When: "it is first seen, or its first actor crashed"},
	{From: unborn, To: messages.HostDraining, When: "its first actor crashed while it drained"},

	{From: messages.HostInService, To: messages.HostDraining, When: "a sweep sees it draining"},
	{From: messages.HostInService, To: messages.HostLost, When: "two sweeps in a row do not see it"},

	{From: messages.HostDraining, To: messages.HostInService, When: "a sweep sees it in service, or ECS has placed a task on it"},
	{From: messages.HostDraining, To: messages.HostLost, When: "two sweeps in a row do not see it"},
})

// become enters a state and tells of it.
func (h *host) become(state messages.HostState, handle func(*host, any)) {
	Transitions.Check(h.state, state)
	was := h.state
	if was == unborn {
		was = h.left
	}
	h.Observer.Observe(messages.Event{
		At: h.Clock.Now(), Kind: messages.EventHost, Host: h.id, Was: string(was), Phase: string(state),
	})
	h.state, h.handle = state, handle
	h.root.Send(h.pool, &messages.HostChanged{Host: h.id, State: state})
}

func (h *host) becomeInService() { h.become(messages.HostInService, (*host).inService) }

func (h *host) inService(message any) {
	switch m := message.(type) {
	case *messages.HostSeen:
		h.missed = 0
		if m.Draining {
			h.becomeDraining()
		}
	case *messages.HostMissing:
		h.miss()
	case *messages.HostPlaced: // a sweep has seen it in service meanwhile
	default:
		h.unexpected(message)
	}
}

func (h *host) becomeDraining() { h.become(messages.HostDraining, (*host).draining) }

func (h *host) draining(message any) {
	switch m := message.(type) {
	case *messages.HostSeen:
		h.missed = 0
		if !m.Draining {
			h.becomeInService()
		}
	case *messages.HostMissing:
		h.miss()
	case *messages.HostPlaced:
		h.missed = 0
		h.becomeInService()
	default:
		h.unexpected(message)
	}
}

// miss counts a sweep without the host; with enough of them it is lost.
func (h *host) miss() {
	if h.missed++; h.missed >= missingSweeps {
		h.become(messages.HostLost, (*host).lost)
	}
}

// lost is the end: the pool stops the actor. A host that comes back after all is found anew.
func (h *host) lost(message any) {
	switch message.(type) {
	case *messages.HostSeen, *messages.HostMissing, *messages.HostPlaced:
	default:
		h.unexpected(message)
	}
}
