package auth

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/rs/zerolog"

	"hearth/messages/wire"
)

// fuzzSecret is the same in every process of a fuzz run.
var fuzzSecret = []byte(strings.Repeat("f", minSecretBytes))

// FuzzToken takes any text for a token. Nobody can make a valid one without the secret: the only ones taken are the seeds,
// to the letter.
func FuzzToken(f *testing.F) {
	sign := func(method jwt.SigningMethod, key any, c jwt.Claims) string {
		text, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			f.Fatal(err)
		}
		return text
	}
	// It expires in the year 2100, so that all processes of a run have the same.
	lasting := jwt.MapClaims{"sub": "ann", "exp": 4102444800}
	valid := []string{
		sign(jwt.SigningMethodHS256, fuzzSecret, lasting),
		sign(jwt.SigningMethodHS256, fuzzSecret, jwt.MapClaims{"sub": "bob", "exp": 4102444800, "nbf": 1, "aud": []string{"a", "b"}}),
	}
	for _, token := range append(valid,
		sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, lasting),
		sign(jwt.SigningMethodHS512, fuzzSecret, lasting),
		sign(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), lasting),
		"", ".", "..", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.", "e30.e30.e30", "bnVsbA.bnVsbA.bnVsbA",
	) {
		f.Add(token)
	}
	c, err := NewClients(f.Context(), Config{Secret: fuzzSecret})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(c.Close)
	f.Fuzz(func(t *testing.T, token string) {
		user, _, err := c.tokens.user(token)
		if err == nil && !slices.Contains(valid, token) {
			t.Fatalf("%q is taken for a token of %q", token, user)
		}
		if err != nil && !slices.Contains([]error{
			errTooLong, errMalformed, errNoKey, errSignature, errExpired, errNotYet, errAudience, errIssuer, errNoClaim, errClaims, errSubject, errTwice, errCritical,
		}, err) {
			t.Fatalf("refused with an error that is not ours: %v", err)
		}
	})
}

// FuzzClaims takes any text for the claims of a token whose signature is good, as of an issuer that is not careful. What
// is taken must be good by a second reading of the claims.
func FuzzClaims(f *testing.F) {
	for _, claims := range []string{
		`{"sub":"ann","exp":4102444800}`, `{"sub":"ann","exp":4102444800,"nbf":1,"iat":1,"aud":"shell","iss":"id"}`,
		`{"sub":"ann","exp":4.1024448e9}`, `{"sub":"ann","exp":1e400}`, `{"sub":"ann","exp":-1}`, `{"sub":"ann","exp":"4102444800"}`,
		`{"sub":"ann"}`, `{"sub":["ann"],"exp":4102444800}`, `{"sub":"\u0000","exp":4102444800}`, `{"sub":"../bob","exp":4102444800}`,
		`{"exp":4102444800,"sub":"ann","sub":"bob"}`, `{"SUB":"ann","EXP":4102444800}`, `null`, `[]`, `1`, ``, `{`,
		`{"sub":"ann","exp":9223372036854775807,"aud":[1]}`, `{"sub":"ann","exp":4102444800,"aud":["shell","mail"],"iss":"id"}`,
	} {
		f.Add([]byte(claims))
	}
	c, err := NewClients(f.Context(), Config{Secret: fuzzSecret, Audience: "shell", Issuer: "id"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(c.Close)
	header := b64([]byte(`{"alg":"HS256","typ":"JWT"}`))
	f.Fuzz(func(t *testing.T, claims []byte) {
		text := header + "." + b64(claims)
		signature, err := jwt.SigningMethodHS256.Sign(text, fuzzSecret)
		if err != nil {
			t.Fatal(err)
		}
		user, _, err := c.tokens.user(text + "." + b64(signature))
		if err != nil {
			return
		}
		var read struct {
			Sub string          `json:"sub"`
			Exp float64         `json:"exp"`
			Iss string          `json:"iss"`
			Aud json.RawMessage `json:"aud"`
		}
		if err := json.Unmarshal(claims, &read); err != nil {
			t.Fatalf("%q is taken, and cannot be read: %v", claims, err)
		}
		switch {
		case string(user) != read.Sub || !wire.ValidUserID(read.Sub):
			t.Fatalf("%q is taken for %q", claims, user)
		case read.Exp <= float64(time.Now().Add(-leeway).Unix())-1:
			t.Fatalf("%q is taken, and has expired", claims)
		case read.Iss != "id" || !strings.Contains(string(read.Aud), `"`):
			t.Fatalf("%q is taken, and is from or for somebody else", claims)
		}
	})
}

// FuzzKeySet takes anything for an issuer's key set. Whatever it is, it lets in nobody whose key it does not have, and
// ends nothing: the keys are fetched by a goroutine whose panic would end the gateway.
func FuzzKeySet(f *testing.F) {
	for _, set := range []string{
		keySet(jwk(&rsaKey.PublicKey, "r", `,"use":"sig"`), jwk(&ecKey.PublicKey, "e", ""), jwk(edPub, "d", "")),
		keySet(`{"kid":"h","kty":"oct","k":"c2VjcmV0"}`), keySet(`{"kty":"EC","crv":"P-256","x":"","y":""}`),
		keySet(`{"kty":"RSA","n":"AQAB","e":"AA"}`), keySet(`{"kty":"RSA","n":"","e":""}`), keySet(`{"kty":"OKP","crv":"Ed25519","x":"AA"}`),
		keySet(`{"kty":"OKP","crv":"X25519","x":"AA","d":"AA"}`), keySet(`{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQ","p":"AQ","q":"AQ","dp":"","dq":"","qi":"","oth":[{}]}`),
		keySet(`{"kty":"EC","crv":"P-521","x":"AQ","y":"AQ","d":"AQ","x5c":["AA"],"x5u":"http://127.0.0.1/"}`),
		`{"keys":null}`, `{"keys":[null]}`, `[]`, `{}`, ``, `{"keys":[{"kty":7}]}`, `<html>`,
	} {
		f.Add([]byte(set))
	}
	var body []byte
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	f.Cleanup(issuer.Close)
	_, stranger := ed25519Key()
	f.Fuzz(func(t *testing.T, set []byte) {
		body = set
		times := keyTimes{refresh: time.Hour, unknown: time.Hour, timeout: 5 * time.Second}
		c, err := NewClients(t.Context(), Config{JWKSURL: issuer.URL, times: times, Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, kid := range []string{"d", ""} {
			token := signed(t, jwt.SigningMethodEdDSA, stranger, claims(nil), kid)
			if user, _, err := c.tokens.user(token); err == nil {
				t.Fatalf("%q lets in %q", set, user)
			}
		}
	})
}
