package auth

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
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
	often := rate.NewLimiter(rate.Every(times.unknown), 1)
	client, err := jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
		HTTPURLs:          map[string]jwkset.Storage{config.JWKSURL: keys},
		RefreshUnknownKID: often,
		RateLimitWaitMax:  times.timeout, // of the fetch; there is no wait
	})
	if err != nil {
		return nil, err
	}
	known, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: keys, UseWhitelist: forSignatures})
	if err != nil {
		return nil, err
	}
	fetched, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: client, UseWhitelist: forSignatures})
	if err != nil {
		return nil, err
	}
	finder := &keyFinder{ctx: ctx, keys: client, known: known.Keyfunc, fetched: fetched.Keyfunc, often: often}
	return finder.key, nil
}

// forSignatures are the uses of keys that a token may be signed with: not those for encryption.
var forSignatures = []jwkset.USE{jwkset.UseSig, ""}

// maxWaiting bounds the requests that wait for a fetch: made-up keys must not take all the room there is for handshakes.
const maxWaiting = 256

var errNotFetched = errors.New("no such key, and it is not the time to fetch any")

// keyFinder finds keys among those that are known, and else fetches them, as often as that may be.
type keyFinder struct {
	ctx            context.Context
	keys           jwkset.Storage
	known, fetched jwt.Keyfunc
	// often bounds the fetches; those are made by keys.
	often *rate.Limiter
	// fetching is held during a fetch: everyone whose new key is being fetched for someone else waits for it, instead of
	// being refused because there was a fetch just now.
	fetching sync.Mutex
	waiting  atomic.Int32
}

// key is the one that a token names, or all of them for a token that names none.
func (s *keyFinder) key(token *jwt.Token) (any, error) {
	if _, named := token.Header[jwkset.HeaderKID]; !named {
		return s.all()
	}
	if key, err := s.known(token); err == nil {
		return key, nil
	}
	var key any
	err := s.fetch(func() (err error) {
		if key, err = s.known(token); err != nil && s.often.Tokens() >= 1 {
			key, err = s.fetched(token)
		}
		return err
	})
	return key, err
}

// all are the keys for signatures. If there are none, since the first fetch failed, they are fetched.
func (s *keyFinder) all() (found jwt.VerificationKeySet, err error) {
	if found, err = s.read(); err != nil || len(found.Keys) > 0 {
		return found, err
	}
	err = s.fetch(func() error {
		if s.often.Tokens() >= 1 {
			_, _ = s.keys.KeyRead(s.ctx, "") // no key has this name: it is looked for in a fetch
		}
		found, err = s.read()
		return err
	})
	return found, err
}

// fetch lets one after the other look and fetch, unless too many wait for that.
func (s *keyFinder) fetch(look func() error) error {
	defer s.waiting.Add(-1)
	if s.waiting.Add(1) > maxWaiting {
		return errNotFetched
	}
	s.fetching.Lock()
	defer s.fetching.Unlock()
	return look()
}

func (s *keyFinder) read() (found jwt.VerificationKeySet, err error) {
	keys, err := s.keys.KeyReadAll(s.ctx)
	for _, each := range keys {
		if !slices.Contains(forSignatures, each.Marshal().USE) {
			continue
		}
		key := each.Key()
		if private, ok := key.(interface{ Public() crypto.PublicKey }); ok { // of an issuer that publishes too much
			key = private.Public()
		}
		found.Keys = append(found.Keys, key)
	}
	return found, err
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
