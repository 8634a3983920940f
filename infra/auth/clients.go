package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"hearth/messages/wire"
)

// Subprotocol is what a browser offers beside its bearer, and what the server selects.
const Subprotocol = "hearth.v1"

// bearerProtocol is how a browser, which cannot set headers, carries its token.
const bearerProtocol = "bearer."

// Config says how clients prove who they are. Unless Dev is set, exactly one of Secret and JWKSURL is needed.
type Config struct {
	// Dev believes ?user= of whoever shows DevToken, or of anybody where that is empty. It is for loopback listeners only, see
	// CheckDevListener: agents of other users may be on the same machine.
	Dev      bool
	DevToken string
	// Secret verifies HS256 tokens; at least 32 bytes. PreviousSecret, when it is set, verifies those from before the secret
	// was changed.
	Secret, PreviousSecret []byte
	// JWKSURL is where the keys of RS256, ES256 and EdDSA tokens are: https, or http on loopback.
	JWKSURL string
	// Audience and Issuer are what a token must be for and from, when they are set.
	Audience, Issuer string
	// Log is told when keys cannot be fetched.
	Log zerolog.Logger

	times keyTimes // shortened by tests
}

// Clients authenticates the clients' requests. It is safe for concurrent use.
type Clients struct {
	dev bool
	// devToken is Config.DevToken.
	devToken string
	tokens   *verifier
	close    context.CancelFunc
}

// NewClients makes it. With a JWKS URL it tries to fetch the keys before it returns, for as long as ctx allows and some
// seconds at most; keys that cannot be had then are fetched later. Close must be called in the end.
func NewClients(ctx context.Context, config Config) (*Clients, error) {
	if config.Dev {
		return &Clients{dev: true, devToken: config.DevToken, close: func() {}}, nil
	}
	if (len(config.Secret) == 0) == (config.JWKSURL == "") {
		return nil, errors.New("auth: needs exactly one of a secret and a JWKS URL")
	}
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel) // a caller that gives up ends the first fetch
	tokens, err := newVerifier(lasting, config)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("auth: %w", err)
	}
	return &Clients{tokens: tokens, close: cancel}, nil
}

// Close ends the fetching of keys.
func (c *Clients) Close() { c.close() }

// Client is who a request is from.
type Client struct {
	User wire.UserID
	// Token is for the user's task; it may be empty in dev mode.
	Token wire.Secret
	// Expires is until when the token is good, zero for ever.
	Expires time.Time
}

// Authenticate says who a request is from: the first of the Authorization header and the subprotocol that has a token,
// verified. The token itself is for the user's task. In dev mode the user is whoever ?user= says; a DevToken is no user's, so no
// task gets it, and where there is none a token is passed on as it is.
func (c *Clients) Authenticate(r *http.Request) (Client, error) {
	token, err := clientToken(r)
	if err != nil {
		return Client{}, err
	}
	if c.dev {
		user, err := devUser(r)
		switch {
		case err != nil:
			return Client{}, err
		case c.devToken == "":
			return Client{User: user, Token: wire.Secret(token)}, nil
		case !sameSecret(token, c.devToken):
			return Client{}, errNoDevToken
		}
		return Client{User: user}, nil
	}
	if token == "" {
		return Client{}, errNoToken
	}
	user, expires, err := c.tokens.user(token)
	if err != nil {
		return Client{}, err
	}
	return Client{User: user, Token: wire.Secret(token), Expires: expires}, nil
}

// Refresh checks a token with which a connected user replaces theirs, as a handshake's is checked, and says until when it is good,
// zero for ever. In dev mode tokens are what users make of them.
func (c *Clients) Refresh(user wire.UserID, token wire.Secret) (expires time.Time, err error) {
	if c.dev {
		if len(token) > maxTokenBytes {
			return time.Time{}, errTooLong
		}
		return time.Time{}, nil
	}
	of, expires, err := c.tokens.user(string(token))
	switch {
	case err != nil:
		return time.Time{}, err
	case of != user:
		return time.Time{}, errOtherUser
	}
	return expires, nil
}

var errOtherUser = errors.New("token is another user's")

// clientToken is the request's token, empty if it has none.
func clientToken(r *http.Request) (string, error) {
	token, err := Bearer(r)
	if token != "" || err != nil {
		return token, err
	}
	return protocolToken(r), nil
}

// Bearer is the token of a request's Authorization header, empty if it has none of that kind.
func Bearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return "", errors.New("more than one Authorization header")
	}
	if len(headers) == 0 {
		return "", nil
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	return strings.TrimSpace(token), nil
}

// protocolToken is the token among the offered subprotocols, empty if there is none or hearth.v1 is not beside it.
func protocolToken(r *http.Request) string {
	token, ours := "", false
	for protocol := range Subprotocols(r) {
		ours = ours || protocol == Subprotocol
		if bearer, ok := strings.CutPrefix(protocol, bearerProtocol); ok && token == "" {
			token = bearer
		}
	}
	if !ours {
		return ""
	}
	return token
}

// Subprotocols yields what a WebSocket handshake offers, over all headers of that name.
func Subprotocols(r *http.Request) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, header := range r.Header.Values("Sec-WebSocket-Protocol") {
			for protocol := range strings.SplitSeq(header, ",") {
				if !yield(strings.TrimSpace(protocol)) {
					return
				}
			}
		}
	}
}

var errNoDevToken = errors.New("AUTH=dev: needs the DEV_TOKEN that the gateway has printed at its start")

// devUser believes the request, unless a browser sent it here by another name (DNS rebinding).
func devUser(r *http.Request) (wire.UserID, error) {
	if !loopbackHost(r.Host) {
		return "", errors.New("AUTH=dev answers only to loopback addresses and localhost")
	}
	user := r.URL.Query().Get("user")
	if user == "" {
		return "", errors.New("AUTH=dev: no ?user=")
	}
	if !wire.ValidUserID(user) {
		return "", errors.New("AUTH=dev: ?user= is not a user id")
	}
	return wire.UserID(user), nil
}

// CheckDevListener refuses dev mode on an address, host:port, that others than this machine can reach.
func CheckDevListener(addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil || !loopbackHost(addr) {
		return fmt.Errorf("AUTH=dev believes whoever connects, so it may listen only on loopback (127.0.0.1:port), not on %q", addr)
	}
	return nil
}

// loopbackHost reports whether host, with or without a port, means this machine.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
