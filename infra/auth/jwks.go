package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// maxKeySetBytes bounds what is read of a key set.
const maxKeySetBytes = 1 << 20

// keyTimes say when keys are fetched.
type keyTimes struct {
	// refresh is the time between two fetches.
	refresh time.Duration
	// unknown is the least time between two fetches because of tokens with unknown keys, which anybody can send.
	unknown time.Duration
	// timeout bounds a fetch.
	timeout time.Duration
}

var defaultKeyTimes = keyTimes{refresh: 5 * time.Minute, unknown: 30 * time.Second, timeout: 5 * time.Second}

// fetchKeys finds tokens' keys in the key set at the URL, which is fetched until ctx ends. While that fails, the last keys
// stay good.
func fetchKeys(ctx context.Context, config Config) (jwt.Keyfunc, error) {
	if err := checkKeySetURL(config.JWKSURL); err != nil {
		return nil, err
	}
	times := config.times
	if times == (keyTimes{}) {
		times = defaultKeyTimes
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // a fetch every few minutes leaves nothing behind
	log := config.Log.With().Str("url", config.JWKSURL).Logger()
	keys, err := jwkset.NewStorageFromHTTP(config.JWKSURL, jwkset.HTTPClientStorageOptions{
		Client: &http.Client{
			Transport: boundedBodies{transport},
			// The keys are where the operator said they are.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Ctx: ctx, HTTPTimeout: times.timeout, RefreshInterval: times.refresh,
		NoErrorReturnFirstHTTPReq: true,
		RefreshErrorHandler: func(_ context.Context, err error) { // its context is the fetch's, which is over
			if ctx.Err() == nil {
				log.Warn().Err(err).Msg("cannot fetch the keys of users' tokens; the last ones stay in use")
			}
		},
		Storage: lastGood{jwkset.NewMemoryStorage()},
	})
	if err != nil {
		return nil, err
	}
	client, err := jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
		HTTPURLs:          map[string]jwkset.Storage{config.JWKSURL: keys},
		RefreshUnknownKID: rate.NewLimiter(rate.Every(times.unknown), 1),
		RateLimitWaitMax:  times.timeout, // of the wait for the limiter and the fetch together
	})
	if err != nil {
		return nil, err
	}
	// Keys for encryption are not for signatures.
	found, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: client, UseWhitelist: []jwkset.USE{jwkset.UseSig, ""}})
	if err != nil {
		return nil, err
	}
	return found.Keyfunc, nil
}

// checkKeySetURL insists on a connection that nobody can answer in the issuer's place.
func checkKeySetURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return errors.New("JWKS_URL: not a URL")
	case u.User != nil:
		return errors.New("JWKS_URL: must not hold a user or password")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopbackHost(u.Host)):
		return fmt.Errorf("JWKS_URL: must be https, as whoever answers for %s decides who may sign in", u.Host)
	}
	return nil
}

// lastGood keeps its keys when a fetch brings none.
type lastGood struct{ jwkset.Storage }

func (s lastGood) KeyReplaceAll(ctx context.Context, keys []jwkset.JWK) error {
	if len(keys) == 0 {
		return errors.New("the key set has no usable key")
	}
	return s.Storage.KeyReplaceAll(ctx, keys)
}

// boundedBodies cuts answers off at maxKeySetBytes.
type boundedBodies struct{ http.RoundTripper }

func (b boundedBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body := response.Body
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, maxKeySetBytes), body}
	return response, nil
}
