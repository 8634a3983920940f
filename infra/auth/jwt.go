package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hearth/messages/wire"
)

const (
	// leeway is how far the clocks of whoever made a token and this machine may be apart.
	leeway = 30 * time.Second
	// maxTokenBytes bounds a token: it goes into a frame and a file.
	maxTokenBytes = 16 << 10
	// minSecretBytes is what RFC 7518, 3.2, asks of HS256.
	minSecretBytes = 32
)

// Why a token is refused. The library's own errors are not passed on: some hold pieces of the token.
var (
	errNoToken     = errors.New("no token")
	errTooLong     = fmt.Errorf("token longer than %d bytes", maxTokenBytes)
	errMalformed   = errors.New("token is not a JWT")
	errNoKey       = errors.New("token's key or algorithm is not known")
	errSignature   = errors.New("token's signature or algorithm is wrong")
	errExpired     = errors.New("token has expired")
	errNotYet      = errors.New("token is not valid yet")
	errAudience    = errors.New("token is for another audience")
	errIssuer      = errors.New("token is from another issuer")
	errNoClaim     = errors.New("token has no exp, or lacks another claim that is needed")
	errClaims      = errors.New("token's claims are wrong")
	errSubject     = errors.New("token's sub is not a user id")
	errTwice       = errors.New("token has a name twice")
	errCritical    = errors.New("token's header asks for an extension (crit, b64) that is not known here")
	refusalReasons = []struct{ cause, reason error }{
		{jwt.ErrTokenMalformed, errMalformed},
		{jwt.ErrTokenUnverifiable, errNoKey},
		{jwt.ErrTokenSignatureInvalid, errSignature},
		{jwt.ErrTokenRequiredClaimMissing, errNoClaim},
		{jwt.ErrTokenExpired, errExpired},
		{jwt.ErrTokenNotValidYet, errNotYet},
		{jwt.ErrTokenInvalidAudience, errAudience},
		{jwt.ErrTokenInvalidIssuer, errIssuer},
	}
)

// verifier checks tokens.
type verifier struct {
	parser *jwt.Parser
	key    jwt.Keyfunc
}

// newVerifier makes one whose keys, if they are fetched, are fetched until ctx ends.
func newVerifier(ctx context.Context, config Config) (*verifier, error) {
	options := []jwt.ParserOption{jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding()}
	if config.Audience != "" {
		options = append(options, jwt.WithAudience(config.Audience))
	}
	if config.Issuer != "" {
		options = append(options, jwt.WithIssuer(config.Issuer))
	}
	// The algorithms are pinned to the kind of key: otherwise a public key could be used as an HMAC secret.
	if config.JWKSURL != "" {
		key, err := fetchKeys(ctx, config)
		if err != nil {
			return nil, err
		}
		return &verifier{jwt.NewParser(append(options, jwt.WithValidMethods([]string{"RS256", "ES256", "EdDSA"}))...), key}, nil
	}
	secrets := jwt.VerificationKeySet{}
	for _, secret := range [][]byte{config.Secret, config.PreviousSecret} {
		if len(secret) == 0 {
			continue
		}
		if len(secret) < minSecretBytes {
			return nil, fmt.Errorf("secret of %d bytes, HS256 needs at least %d", len(secret), minSecretBytes)
		}
		secrets.Keys = append(secrets.Keys, bytes.Clone(secret))
	}
	key := func(*jwt.Token) (any, error) { return secrets, nil }
	return &verifier{jwt.NewParser(append(options, jwt.WithValidMethods([]string{"HS256"}))...), key}, nil
}

// user is the token's subject, and until when it is good, if the token is valid.
func (v *verifier) user(token string) (wire.UserID, time.Time, error) {
	none := time.Time{}
	if len(token) > maxTokenBytes {
		return "", none, errTooLong
	}
	if strings.ContainsAny(token, "\r\n") { // base64's decoder passes over them: a token has one spelling
		return "", none, errMalformed
	}
	if err := checkSpelling(token); err != nil {
		return "", none, err
	}
	var claims exactClaims
	if _, err := v.parser.ParseWithClaims(token, &claims, v.key); err != nil {
		for _, known := range refusalReasons {
			if errors.Is(err, known.cause) {
				return "", none, known.reason
			}
		}
		return "", none, errClaims
	}
	if !wire.ValidUserID(claims.Subject) {
		return "", none, errSubject
	}
	return wire.UserID(claims.Subject), claims.ExpiresAt.Time, nil // the parser insists on it
}
