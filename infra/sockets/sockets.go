package sockets

import (
	"context"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/lxzan/gws"
	"github.com/rs/zerolog"

	"hearth/messages"
	"hearth/messages/wire"
)

// goneUnbound is what is told of a link that was gone before its owner came.
const goneUnbound = "gone before an actor took it"

// Sockets holds all links. It implements the actors' port Links; its methods are safe for concurrent use.
type Sockets struct {
	cfg Config
	log zerolog.Logger
	// unruly is for lines that peers can cause at will, of those who are not authenticated too.
	unruly zerolog.Logger

	// plain and browser upgrade handshakes: without a subprotocol, and with ours.
	plain, browser *gws.Upgrader

	tallies [kinds]tally

	mu     sync.RWMutex
	closed bool
	// refusing says that only the links there are may stay.
	refusing bool
	lastID   messages.LinkID
	links    map[messages.LinkID]*link
	censuses [kinds]census

	// running has one for each admitted handshake, until its link has ended.
	running sync.WaitGroup
}

// New makes the port. Shutdown must be called in the end.
func New(config Config) (*Sockets, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Sockets{
		cfg: config, log: config.Log, links: map[messages.LinkID]*link{},
		unruly: unruly(config.Log),
	}
	for kind := range s.censuses {
		s.censuses[kind] = census{refused: map[int]uint64{}, closed: map[Cause]uint64{}, perPeer: map[string]int{}}
		for _, cause := range causes {
			s.censuses[kind].closed[cause] = 0
		}
		for _, status := range refusals {
			s.censuses[kind].refused[status] = 0
		}
	}
	s.plain, s.browser = newUpgrader(&s.cfg), newUpgrader(&s.cfg, subprotocol)
	return s, nil
}

// unruly makes the log for lines that peers can cause at will.
func unruly(log zerolog.Logger) zerolog.Logger {
	return log.Sample(&zerolog.BurstSampler{Burst: 10, Period: 10 * time.Second})
}

// Bind makes owner the receiver of a link's events from here on and lets its reader go on. The events of a link are
// LinkFrame, whose Bytes the owner must give back with Credit whatever it does with the frame; a client's LinkWritten; and LinkClosed,
// the last. The owner of a link that is gone is told LinkClosed at once. A nil owner: nobody hears of it.
func (s *Sockets) Bind(id messages.LinkID, owner *actor.PID) {
	if l := s.find(id); (l == nil || !l.bind(owner)) && owner != nil {
		s.cfg.Deliver(owner, &messages.LinkClosed{Link: id, Cause: goneUnbound})
	}
}

// Send writes a frame at once, or queues it. It reports whether it has written data for a client. Those that are written later are
// told to the owner as LinkWritten, whose Bytes are the length of their JSON text, as LinkFrame's are. A link whose outbox is full is
// closed with 1013.
func (s *Sockets) Send(id messages.LinkID, frame wire.Frame) (written bool) {
	l := s.find(id)
	return l != nil && l.send(frame) && l.kind == Client
}

// Credit gives bytes of LinkFrames back to the link's window.
func (s *Sockets) Credit(id messages.LinkID, bytes int) {
	if l := s.find(id); l != nil {
		l.credit(bytes)
	}
}

// Close closes a link once everything queued was written, or Config.CloseTimeout has passed. No frame of its peer is
// delivered any more.
func (s *Sockets) Close(id messages.LinkID, code wire.CloseCode) {
	if l := s.find(id); l != nil {
		l.shut(ending{cause: CauseOwner, code: code, flush: true})
	}
}

// Refuse turns all handshakes away from here on, with 503: a load balancer's next try finds another gateway. The links
// there are stay.
func (s *Sockets) Refuse() { s.setRefusing(true) }

// Admit takes Refuse back.
func (s *Sockets) Admit() { s.setRefusing(false) }

func (s *Sockets) setRefusing(all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = all
}

// Shutdown refuses new handshakes, closes all links with 1001 and waits for their end. When ctx ends first, they are cut
// off.
func (s *Sockets) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.each(func(l *link) { l.shut(ending{cause: CauseShutdown, code: wire.CloseDraining, flush: true}) })
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	s.each(func(l *link) { l.abort(CauseShutdown, "") })
	<-ended // bounded: a link without a connection has nothing left to wait for
	return ctx.Err()
}

func (s *Sockets) find(id messages.LinkID) *link {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.links[id]
}

// each calls do for every link there is, outside of mu.
func (s *Sockets) each(do func(*link)) {
	s.mu.RLock()
	links := make([]*link, 0, len(s.links))
	for _, l := range s.links {
		links = append(links, l)
	}
	s.mu.RUnlock()
	for _, l := range links {
		do(l)
	}
}

// admit takes up a handshake, or says why not. Who is admitted ends with add or dismiss.
func (s *Sockets) admit(kind Kind) (problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.censuses[kind]
	switch {
	case s.closed, s.refusing:
		return "the gateway is draining"
	case c.open >= s.cfg.MaxConnections:
		return "the gateway has no room for another connection"
	case c.handshaking >= s.cfg.MaxHandshakes:
		return "too many connections are being opened"
	}
	c.open++
	c.handshaking++
	s.running.Add(1)
	return ""
}

// dismiss gives up an admitted handshake.
func (s *Sockets) dismiss(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.censuses[l.kind].open--
	s.censuses[l.kind].handshaking--
	s.farewell(l)
	s.running.Done()
}

// crowded reports whether half the handshakes that there may be are under way: then a peer that is not authenticated is
// not given a socket just to be told so.
func (s *Sockets) crowded(kind Kind) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.censuses[kind].handshaking > s.cfg.MaxHandshakes/2
}

// introduce says whose an admitted handshake is, and reports whether this peer may have another one. It may have a tenth
// of all, so that no user and no task can keep the others out.
func (s *Sockets) introduce(l *link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.censuses[l.kind]
	if c.perPeer[l.peer] >= max(1, s.cfg.MaxHandshakes/10) {
		return false
	}
	c.perPeer[l.peer]++
	l.introduced = true
	return true
}

// farewell forgets a handshake of a peer's. mu is held.
func (s *Sockets) farewell(l *link) {
	if !l.introduced {
		return
	}
	l.introduced = false
	c := &s.censuses[l.kind]
	if c.perPeer[l.peer]--; c.perPeer[l.peer] == 0 {
		delete(c.perPeer, l.peer)
	}
}

// add makes an admitted handshake a link, and reports whether it may stay.
func (s *Sockets) add(l *link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	l.id = s.lastID
	s.links[l.id] = l
	s.censuses[l.kind].opened++
	return !s.closed
}

// greeted counts a link's hello.
func (s *Sockets) greeted(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.censuses[l.kind].handshaking--
	s.farewell(l)
}

// remove forgets a link that has ended.
func (s *Sockets) remove(l *link, cause Cause, greeted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, l.id)
	c := &s.censuses[l.kind]
	c.open--
	if !greeted {
		c.handshaking--
		s.farewell(l)
	}
	c.closed[cause]++
}

// refused counts a handshake that was answered with an HTTP error.
func (s *Sockets) refused(kind Kind, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.censuses[kind].refused[status]++
}
