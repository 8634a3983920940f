package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"hearth/messages/wire"
)

// What a socket is held to. The load balancers in front of gateways cut a socket that is silent for 60 s.
const (
	pingEvery        = 20 * time.Second
	silenceLimit     = 60 * time.Second // for a read and for a write
	handshakeTimeout = 10 * time.Second
	byeGrace         = 2 * time.Second // from a bye to the close that follows it
	closeLimit       = 30 * time.Second
)

const (
	// inputWindow bounds the inputs that the agent has not been given yet, in bytes. It is also all that can be under way
	// on a socket, and no more than a gateway takes before it stops reading a client, so that acks, pings and close are
	// not stuck behind inputs.
	inputWindow = 256 << 10
	// maxFrameBytes bounds a frame in either direction. The gateway's own, smaller bound is its operator's to set.
	maxFrameBytes = 16 << 20
	// maxViolations is how many sockets in a row may break the contract without any progress in between.
	maxViolations = 3
	defaultGiveUp = 2 * time.Minute
	// maxSignals bounds those that wait to be sent.
	maxSignals = 16
)

// Config is what Dial needs. Only URL is required.
type Config struct {
	// URL is the gateway's base, ws://, wss://, http:// or https://; the path /ws is appended unless it is there.
	URL string
	// Token is sent as a bearer token. Without one, User is sent as ?user=, which a gateway with AUTH=dev takes.
	Token wire.Secret
	User  wire.UserID
	// DevToken is what a gateway with AUTH=dev has printed at its start. It is sent as the bearer token, beside ?user=.
	DevToken wire.Secret
	// Resume names a session to go on with; empty begins a new one. The inputs of this handle are numbered on from those
	// that the agent has been given.
	Resume wire.SessionID
	// LastSeq is the last output that was processed before, when resuming. Outputs after it are replayed, those that the
	// gateway no longer has are reported as a gap.
	LastSeq uint64
	// Window is the size of the window that is to show the agent's terminal, zero where there is none: the agent starts with it.
	Window wire.Resize
	// Traceparent is the trace that the session's start belongs to, if there is one.
	Traceparent wire.Traceparent
	// GiveUp is how long the session may be without an answered hello before the handle ends; 0 means 2 minutes.
	GiveUp time.Duration
	// DialNet opens the network connection; nil means a plain net.Dialer. Tests cut connections with it.
	DialNet func(ctx context.Context, network, address string) (net.Conn, error)
}

// Validate tells what is wrong with the configuration, as Dial would.
func (c Config) Validate() error {
	_, err := c.endpoint()
	return err
}

// endpoint checks the configuration and returns the WebSocket's URL. It holds no secret.
func (c Config) endpoint() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("the gateway's URL cannot be parsed")
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return nil, fmt.Errorf("the gateway's URL has scheme %q, which is none of ws, wss, http, https", u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, errors.New("the gateway's URL has no host")
	}
	if u.User != nil {
		return nil, errors.New("the gateway's URL must not hold credentials")
	}
	switch {
	case c.Resume != "" && !wire.ValidID(string(c.Resume)):
		return nil, errors.New("the session to resume is not an id")
	case c.Resume == "" && c.LastSeq != 0:
		return nil, errors.New("a new session has no last output")
	case c.Token != "" && c.DevToken != "":
		return nil, errors.New("a user's token and a DEV_TOKEN do not go together")
	case c.Token == "" && c.User != "" && !wire.ValidUserID(string(c.User)):
		return nil, errors.New("the user is not a user id")
	}
	if !strings.HasSuffix(u.Path, "/ws") {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/ws"
	}
	if c.Token == "" && c.User != "" {
		query := u.Query()
		query.Set("user", string(c.User))
		u.RawQuery = query.Encode()
	}
	return u, nil
}

// hostPort is the address to dial for u.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
