package sockets

import (
	"maps"
	"net/http"
	"sync/atomic"
)

// Kind is who is at the other end of a link.
type Kind int

// The kinds of links.
const (
	Client Kind = iota
	Bridge
	kinds
)

// String names the kind, as a metric's label does.
func (k Kind) String() string { return [kinds]string{"client", "bridge"}[k] }

// Cause is why a link was closed; there are few, for metrics.
type Cause string

// The causes.
const (
	// CausePeer: the peer closed it in good order. CauseLost: the network did, or the peer without a word.
	CausePeer Cause = "closed by the peer"
	CauseLost Cause = "connection lost"
	// CauseSilent: nothing came for Config.SilenceTimeout.
	CauseSilent Cause = "peer silent"
	// CauseOwner: its owner closed it, or the pool in its place. CauseShutdown: Sockets.Shutdown did.
	CauseOwner    Cause = "closed by the gateway"
	CauseShutdown Cause = "gateway shuts down"
	// CauseUnauthenticated: a browser's token was refused. CauseNoHello: the first frame did not come in time, or was not a
	// hello, or not one that its peer may send. CauseUnbound: no actor took it.
	CauseUnauthenticated Cause = "not authenticated"
	CauseNoHello         Cause = "no valid hello"
	CauseUnbound         Cause = "no actor took it"
	// CauseViolation: the peer broke the WebSocket protocol or a limit. CauseBadFrames: too many frames were refused.
	CauseViolation Cause = "protocol violated"
	CauseBadFrames Cause = "too many bad frames"
	// CauseOverflow: the outbox was full. CauseSlow: a write took too long. Both mean a peer that does not keep up.
	CauseOverflow Cause = "peer too slow: outbox full"
	CauseSlow     Cause = "peer too slow: write timed out"
	// CauseBlocked: its owner did not credit what it was given.
	CauseBlocked Cause = "not credited for too long"
)

// causes are all of them, and refusals the statuses that handshakes are refused with: what is counted is there from the start, at 0,
// so that the first one is seen as a change.
var (
	causes = []Cause{
		CausePeer, CauseLost, CauseSilent, CauseOwner, CauseShutdown, CauseUnauthenticated, CauseNoHello, CauseUnbound,
		CauseViolation, CauseBadFrames, CauseOverflow, CauseSlow, CauseBlocked,
	}
	refusals = []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusUpgradeRequired,
		http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusHTTPVersionNotSupported,
	}
)

// Stats is what the links of one kind have done since the start.
type Stats struct {
	// Open is the number of links now, Handshaking that of those among them that have not said hello.
	Open, Handshaking int
	Opened            uint64
	// Refused counts handshakes by the HTTP status of their refusal.
	Refused map[int]uint64
	// Closed counts ended links.
	Closed map[Cause]uint64
	// FramesIn and FramesOut count WebSocket messages; BytesIn and BytesOut everything after the upgrade.
	FramesIn, FramesOut, BytesIn, BytesOut uint64
	// BadFrames counts refused frames, RateLimited those that had to wait, Overflows links that did not keep up.
	BadFrames, RateLimited, Overflows uint64
}

// tally is what is counted on the hot path.
type tally struct {
	framesIn, framesOut, bytesIn, bytesOut atomic.Uint64
	badFrames, rateLimited                 atomic.Uint64
}

// census is what changes with each link, guarded by Sockets.mu.
type census struct {
	open, handshaking int
	opened            uint64
	refused           map[int]uint64
	closed            map[Cause]uint64
	// perPeer counts the handshakes under way of each user or task whose token was checked.
	perPeer map[string]int
}

// Stats tells what the links of a kind have done.
func (s *Sockets) Stats(kind Kind) Stats {
	t := &s.tallies[kind]
	stats := Stats{
		FramesIn: t.framesIn.Load(), FramesOut: t.framesOut.Load(), BytesIn: t.bytesIn.Load(), BytesOut: t.bytesOut.Load(),
		BadFrames: t.badFrames.Load(), RateLimited: t.rateLimited.Load(),
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := &s.censuses[kind]
	stats.Open, stats.Handshaking, stats.Opened = c.open, c.handshaking, c.opened
	stats.Refused, stats.Closed = maps.Clone(c.refused), maps.Clone(c.closed)
	stats.Overflows = c.closed[CauseOverflow] + c.closed[CauseSlow]
	return stats
}
