package sockets

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"hearth/messages/wire"
)

// frameSlack is what a frame may have beyond the largest payload, and what frames without one may have in all.
const frameSlack = 64 << 10

// maxBadFrames is how many frames of a client may be refused before its socket is closed.
const maxBadFrames = 10

// Config is what New needs: Pool, Deliver, VerifyTask and RefreshToken. For everything else the zero value is the default.
type Config struct {
	// Pool is told of every client and bridge that arrives.
	Pool *actor.PID
	// Deliver gives a message to an actor. It must not block, nor call Bind from within.
	Deliver func(to *actor.PID, message any)
	// Enter and Leave are called around what a link's own goroutines deliver, with nothing held: the actors that this wakes may run
	// on the caller's goroutine at Leave. Default: they do nothing.
	Enter, Leave func()
	// VerifyTask tells whose a task token is, and whether it is one.
	VerifyTask func(token string) (wire.TaskID, bool)
	// RefreshToken checks a token that a user's client sends in place of an earlier one, and says until when it is good, zero for
	// ever. Its error goes to the client.
	RefreshToken func(user wire.UserID, token wire.Secret) (expires time.Time, err error)
	Log          zerolog.Logger

	// MaxFrameBytes bounds the payload of a data frame (MAX_FRAME_BYTES). Default 1 MiB.
	MaxFrameBytes int
	// TaskLease and TaskOrphanTTL are told to bridges: TASK_LEASE and TASK_ORPHAN_TTL. 0 is not told.
	TaskLease, TaskOrphanTTL time.Duration
	// WindowBytes is how much of a link may be uncredited before its reader stops. A larger frame passes alone.
	// Default 256 KiB.
	WindowBytes int
	// OutboxBytes bounds what waits to be written to a link, beside one frame of the largest size. Default 1 MiB.
	OutboxBytes int
	// MaxConnections bounds the sockets, MaxHandshakes those that have not said hello. Clients and bridges are counted
	// apart, so that neither can crowd the other out. Defaults 25,000 and 1,000.
	MaxConnections, MaxHandshakes int
	// FramesPerSecond is how fast a client is read, and how large its bursts may be. Nothing beyond is lost: it waits in the
	// client's socket. Default 1,000.
	FramesPerSecond int
	// AllowedOrigins are the web origins, such as https://shell.example.com, whose pages may connect as clients, beside the
	// host that is connected to.
	AllowedOrigins []string

	// HandshakeTimeout bounds the time from the upgrade to the hello. Default 10 s.
	HandshakeTimeout time.Duration
	// BindTimeout bounds the time from the hello to an owner. Default 30 s.
	BindTimeout time.Duration
	// PingInterval is the time between two pings. Default 20 s.
	PingInterval time.Duration
	// SilenceTimeout is how long a link that is being read may bring nothing at all. Default 45 s.
	SilenceTimeout time.Duration
	// BlockedTimeout is how long a reader may wait for credit. Default 10 min.
	BlockedTimeout time.Duration
	// ClientWriteTimeout and BridgeWriteTimeout bound one write. Defaults 10 s and 30 s.
	ClientWriteTimeout, BridgeWriteTimeout time.Duration
	// CloseTimeout bounds a close: what is queued, the close frame, and the peer's answer. Default 5 s.
	CloseTimeout time.Duration
}

// withDefaults checks a configuration and fills it in.
func (c Config) withDefaults() (Config, error) {
	if c.Pool == nil || c.Deliver == nil || c.VerifyTask == nil || c.RefreshToken == nil {
		return c, errors.New("sockets: needs the pool's address, a way to deliver to it, and a way to verify task tokens")
	}
	if c.Enter == nil || c.Leave == nil {
		c.Enter, c.Leave = func() {}, func() {}
	}
	for _, origin := range c.AllowedOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			return c, fmt.Errorf("ALLOWED_ORIGINS: %q is not an origin such as https://shell.example.com", origin)
		}
	}
	for _, number := range []struct {
		value    *int
		fallback int
	}{
		{&c.MaxFrameBytes, 1 << 20}, {&c.WindowBytes, 256 << 10}, {&c.OutboxBytes, 1 << 20},
		{&c.MaxConnections, 25_000}, {&c.MaxHandshakes, 1_000}, {&c.FramesPerSecond, 1_000},
	} {
		if *number.value < 0 {
			return c, errors.New("sockets: a negative limit")
		}
		*number.value = cmp.Or(*number.value, number.fallback)
	}
	for _, wait := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.HandshakeTimeout, 10 * time.Second}, {&c.BindTimeout, 30 * time.Second}, {&c.PingInterval, 20 * time.Second},
		{&c.SilenceTimeout, 45 * time.Second}, {&c.BlockedTimeout, 10 * time.Minute},
		{&c.ClientWriteTimeout, 10 * time.Second}, {&c.BridgeWriteTimeout, 30 * time.Second}, {&c.CloseTimeout, 5 * time.Second},
	} {
		if *wait.value < 0 {
			return c, errors.New("sockets: a negative time")
		}
		*wait.value = cmp.Or(*wait.value, wait.fallback)
	}
	return c, nil
}

// maxMessage is the largest WebSocket message that is read.
func (c *Config) maxMessage() int { return c.MaxFrameBytes + frameSlack }

// maxQueued bounds an outbox.
func (c *Config) maxQueued() int { return c.OutboxBytes + c.maxMessage() }

func (c *Config) writeTimeout(kind Kind) time.Duration {
	if kind == Bridge {
		return c.BridgeWriteTimeout
	}
	return c.ClientWriteTimeout
}
