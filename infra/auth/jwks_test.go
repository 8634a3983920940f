package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/rs/zerolog"
)

// issuer serves a key set that tests change.
type issuer struct {
	server  *httptest.Server
	fetches atomic.Int64
	mu      sync.Mutex
	status  int
	body    string
}

func newIssuer(t *testing.T, keys ...string) *issuer {
	i := &issuer{}
	i.serve(http.StatusOK, keySet(keys...))
	i.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(i.status)
		_, _ = w.Write([]byte(i.body))
	}))
	t.Cleanup(i.server.Close)
	return i
}

func (i *issuer) serve(status int, body string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.status, i.body = status, body
}

func (i *issuer) config() Config {
	return Config{JWKSURL: i.server.URL, times: keyTimes{refresh: time.Hour, unknown: time.Hour, timeout: 5 * time.Second}}
}

func keySet(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// The test's keys, made once: RSA ones take their time.
var (
	rsaKey        = must(rsa.GenerateKey(rand.Reader, 2048))
	encryptionKey = must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey         = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edPub, edKey  = ed25519Key()
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ed25519Key() (ed25519.PublicKey, ed25519.PrivateKey) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	return pub, must(key, err)
}

// jwk is a public key with an id, and more fields if need be.
func jwk(public crypto.PublicKey, kid, more string) string {
	head := fmt.Sprintf(`{"kid":%q%s,`, kid, more)
	switch k := public.(type) {
	case *rsa.PublicKey:
		return head + fmt.Sprintf(`"kty":"RSA","n":%q,"e":"AQAB"}`, b64(k.N.Bytes()))
	case *ecdsa.PublicKey:
		point := must(k.Bytes())
		return head + fmt.Sprintf(`"kty":"EC","crv":"P-256","x":%q,"y":%q}`, b64(point[1:33]), b64(point[33:]))
	case ed25519.PublicKey:
		return head + fmt.Sprintf(`"kty":"OKP","crv":"Ed25519","x":%q}`, b64(k))
	}
	panic("not a key")
}

func TestKeysOfEachKind(t *testing.T) {
	i := newIssuer(t,
		jwk(&rsaKey.PublicKey, "r", `,"use":"sig"`), jwk(&ecKey.PublicKey, "e", ""), jwk(edPub, "d", ""),
		jwk(&encryptionKey.PublicKey, "encryption", `,"use":"enc"`),
		fmt.Sprintf(`{"kid":"h","kty":"oct","k":%q}`, b64(testSecret)))
	c := newClients(t, i.config())
	pub := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(&rsaKey.PublicKey))})
	for _, test := range []struct {
		name, token string
		want        error
	}{
		{"RS256", signed(t, jwt.SigningMethodRS256, rsaKey, claims(nil), "r"), nil},
		{"ES256", signed(t, jwt.SigningMethodES256, ecKey, claims(nil), "e"), nil},
		{"EdDSA", signed(t, jwt.SigningMethodEdDSA, edKey, claims(nil), "d"), nil},
		{"no kid", signed(t, jwt.SigningMethodES256, ecKey, claims(nil), ""), nil},
		{"no kid, of a key for encryption alone", signed(t, jwt.SigningMethodRS256, encryptionKey, claims(nil), ""), errSignature},
		{"expired", signed(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": 1}), "r"), errExpired},
		{"another's kid", signed(t, jwt.SigningMethodES256, ecKey, claims(nil), "d"), errSignature},
		{"PS256", signed(t, jwt.SigningMethodPS256, rsaKey, claims(nil), "r"), errSignature},
		{"RS512", signed(t, jwt.SigningMethodRS512, rsaKey, claims(nil), "r"), errSignature},
		{"a key for encryption", signed(t, jwt.SigningMethodRS256, encryptionKey, claims(nil), "encryption"), errNoKey},
		{"HS256 with the public key", signed(t, jwt.SigningMethodHS256, pub, claims(nil), "r"), errSignature},
		{"HS256 with a key of the set", signed(t, jwt.SigningMethodHS256, testSecret, claims(nil), "h"), errSignature},
		{"alg none", signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil), "r"), errSignature},
		{"unknown kid", signed(t, jwt.SigningMethodRS256, rsaKey, claims(nil), "x"), errNoKey},
	} {
		check(t, c, test.name, test.token, test.want)
	}
	// A secret does not verify what a public key should.
	check(t, newClients(t, Config{Secret: testSecret}), "RS256 to HS256",
		signed(t, jwt.SigningMethodRS256, rsaKey, claims(nil), "r"), errSignature)
}

func TestUnknownKeysAreFetchedOnceInAWhile(t *testing.T) {
	i := newIssuer(t, jwk(&ecKey.PublicKey, "old", ""))
	c := newClients(t, i.config())
	rotated := signed(t, jwt.SigningMethodEdDSA, edKey, claims(nil), "new")
	i.serve(http.StatusOK, keySet(jwk(edPub, "new", "")))
	check(t, c, "after a rotation", rotated, nil)
	if n := i.fetches.Load(); n != 2 {
		t.Errorf("%d fetches, want the first and one for the unknown key", n)
	}
	for n := range 50 {
		check(t, c, "made up", signed(t, jwt.SigningMethodEdDSA, edKey, claims(nil), fmt.Sprint("x", n)), errNoKey)
	}
	if n := i.fetches.Load(); n != 2 {
		t.Errorf("%d fetches after a flood of unknown keys", n)
	}
	check(t, c, "the old key", signed(t, jwt.SigningMethodES256, ecKey, claims(nil), "old"), errNoKey)
}

// TestRotationUnderLoad has a hundred users come at once with the new key's tokens: one fetch serves them all.
func TestRotationUnderLoad(t *testing.T) {
	i := newIssuer(t, jwk(&ecKey.PublicKey, "old", ""))
	c := newClients(t, i.config())
	rotated := signed(t, jwt.SigningMethodEdDSA, edKey, claims(nil), "new")
	i.serve(http.StatusOK, keySet(jwk(&ecKey.PublicKey, "old", ""), jwk(edPub, "new", "")))
	var users sync.WaitGroup
	for range 100 {
		users.Go(func() { check(t, c, "a new token", rotated, nil) })
	}
	users.Wait()
	if n := i.fetches.Load(); n != 2 {
		t.Errorf("%d fetches, want the first and one for the new key", n)
	}
}

// lines counts a log's, and keeps the last.
type lines struct {
	written atomic.Int64
	last    atomic.Value
}

func (l *lines) Write(p []byte) (int, error) {
	l.written.Add(1)
	l.last.Store(string(p))
	return len(p), nil
}

// TestOutages has the issuer answer all kinds of things that are no keys: the last ones stay good.
func TestOutages(t *testing.T) {
	var log lines
	i := newIssuer(t, jwk(&ecKey.PublicKey, "e", ""))
	config := i.config()
	config.times.refresh = 5 * time.Millisecond
	config.Log = zerolog.New(&log)
	c := newClients(t, config)
	token := signed(t, jwt.SigningMethodES256, ecKey, claims(nil), "e")
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"an error":     {http.StatusInternalServerError, "oops"},
		"not JSON":     {http.StatusOK, "<html>"},
		"no keys":      {http.StatusOK, `{"keys":[]}`},
		"nothing":      {http.StatusOK, `{}`},
		"a redirect":   {http.StatusFound, ""},
		"without end":  {http.StatusOK, `{"keys":["` + strings.Repeat("x", 2*maxKeySetBytes) + `"]}`},
		"unusable key": {http.StatusOK, `{"keys":[{"kty":"XYZ","kid":"e"}]}`},
	} {
		i.serve(answer.status, answer.body)
		waitForFetches(t, i, 3)
		check(t, c, name, token, nil)
	}
	i.serve(http.StatusOK, keySet(jwk(edPub, "d", "")))
	waitForFetches(t, i, 3)
	check(t, c, "after the outage", signed(t, jwt.SigningMethodEdDSA, edKey, claims(nil), "d"), nil)
	check(t, c, "a key that was withdrawn", token, errNoKey)
	c.Close()
	n := i.fetches.Load()
	time.Sleep(30 * time.Millisecond)
	if log.written.Load() == 0 {
		t.Error("no failure is in the log")
	}
	if more := i.fetches.Load() - n; more > 1 { // one may have been under way
		t.Errorf("%d fetches after the close", more)
	}
}

// waitForFetches waits for so many more, of which all but the first have begun after the call.
func waitForFetches(t *testing.T, i *issuer, more int64) {
	t.Helper()
	until := i.fetches.Load() + more
	for deadline := time.Now().Add(10 * time.Second); i.fetches.Load() < until; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no fetches")
		}
	}
}

// TestStartDuringAnOutage begins without keys, says so, and gets them when a token asks for one, be it by name or not. The
// issuer is not asked again before its time.
func TestStartDuringAnOutage(t *testing.T) {
	for _, kid := range []string{"e", ""} {
		i := newIssuer(t)
		i.serve(http.StatusServiceUnavailable, "")
		var log lines
		config := i.config()
		config.times.unknown = 200 * time.Millisecond
		config.Log = zerolog.New(&log)
		c := newClients(t, config)
		if text, _ := log.last.Load().(string); !strings.Contains(text, "cannot fetch the keys") || !strings.Contains(text, "503") {
			t.Errorf("the log says %q", text)
		}
		token := signed(t, jwt.SigningMethodES256, ecKey, claims(nil), kid)
		began := time.Now()
		for range 10 {
			check(t, c, "during the outage", token, errNoKey)
		}
		if n := i.fetches.Load(); n > 2+int64(time.Since(began)/config.times.unknown) {
			t.Errorf("%d fetches in %v", n, time.Since(began))
		}
		i.serve(http.StatusOK, keySet(jwk(&ecKey.PublicKey, "e", "")))
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, err := c.Authenticate(withBearer(token)); err == nil {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("after the outage: %v", err)
			}
		}
	}
}

// TestStartIsBounded has an issuer that never answers.
func TestStartIsBounded(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := NewClients(ctx, Config{JWKSURL: server.URL}); err == nil {
		t.Error("the caller's deadline passed without an error")
	}
	config := Config{JWKSURL: server.URL, times: keyTimes{refresh: time.Hour, unknown: time.Hour, timeout: 20 * time.Millisecond}}
	c := newClients(t, config)
	check(t, c, "meanwhile", signed(t, jwt.SigningMethodES256, ecKey, claims(nil), "e"), errNoKey)
}
