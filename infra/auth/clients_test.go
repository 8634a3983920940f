package auth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"hearth/messages/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testSecret = []byte(strings.Repeat("s", minSecretBytes))

func newClients(t *testing.T, config Config) *Clients {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := NewClients(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// claims are valid ones, with changes.
func claims(changes jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func signed(t *testing.T, method jwt.SigningMethod, key any, c jwt.Claims, kid string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func request(target string, header http.Header) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for name, values := range header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	return r
}

func withBearer(token string) *http.Request {
	return request("/ws", http.Header{"Authorization": {"Bearer " + token}})
}

// check authenticates and compares. An error must not hold the token, nor a part of it.
func check(t *testing.T, c *Clients, name, token string, want error) {
	t.Helper()
	client, err := c.Authenticate(withBearer(token))
	user, got := client.User, client.Token
	switch {
	case err != want:
		t.Errorf("%s: %v, want %v", name, err, want)
	case want == nil && (user != "ann" || got != wire.Secret(token)):
		t.Errorf("%s: user %q", name, user)
	case want != nil && (user != "" || got != ""):
		t.Errorf("%s: refused, but with user %q", name, user)
	}
	if err == nil {
		return
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 4 && strings.Contains(err.Error(), part) {
			t.Errorf("%s: the error quotes the token", name)
		}
	}
}

func TestHS256(t *testing.T) {
	c := newClients(t, Config{Secret: testSecret})
	hour := func(n time.Duration) int64 { return time.Now().Add(n * time.Hour).Unix() }
	for _, test := range []struct {
		name   string
		claims jwt.MapClaims
		want   error
	}{
		{"valid", nil, nil},
		{"valid since a while", jwt.MapClaims{"nbf": hour(-1), "iat": hour(-1)}, nil},
		{"expired within the leeway", jwt.MapClaims{"exp": time.Now().Add(-leeway / 2).Unix()}, nil},
		{"from within the leeway", jwt.MapClaims{"nbf": time.Now().Add(leeway / 2).Unix()}, nil},
		{"for and from whomever", jwt.MapClaims{"aud": "x", "iss": "y"}, nil},
		{"expired", jwt.MapClaims{"exp": hour(-1)}, errExpired},
		{"no exp", jwt.MapClaims{"exp": nil}, errNoClaim},
		{"exp is no number", jwt.MapClaims{"exp": "tomorrow"}, errMalformed},
		{"not yet", jwt.MapClaims{"nbf": hour(1)}, errNotYet},
		{"no sub", jwt.MapClaims{"sub": nil}, errSubject},
		{"empty sub", jwt.MapClaims{"sub": ""}, errSubject},
		{"a sub that forges log lines", jwt.MapClaims{"sub": "ann\nbob"}, errSubject},
		{"a long sub", jwt.MapClaims{"sub": strings.Repeat("a", 257)}, errSubject},
		{"sub is a number", jwt.MapClaims{"sub": 7}, errMalformed},
	} {
		check(t, c, test.name, signed(t, jwt.SigningMethodHS256, testSecret, claims(test.claims), ""), test.want)
	}
}

// TestRotatedSecret: tokens of the secret before this one are good for as long as it is known.
func TestRotatedSecret(t *testing.T) {
	old := []byte(strings.Repeat("o", minSecretBytes))
	rotating, done := newClients(t, Config{Secret: testSecret, PreviousSecret: old}), newClients(t, Config{Secret: testSecret})
	of := func(secret []byte) string { return signed(t, jwt.SigningMethodHS256, secret, claims(nil), "") }
	check(t, rotating, "the new one's", of(testSecret), nil)
	check(t, rotating, "the old one's", of(old), nil)
	check(t, rotating, "another's", of([]byte(strings.Repeat("x", minSecretBytes))), errSignature)
	check(t, done, "the old one's, afterwards", of(old), errSignature)
}

func TestForgedTokens(t *testing.T) {
	c := newClients(t, Config{Secret: testSecret})
	valid := signed(t, jwt.SigningMethodHS256, testSecret, claims(nil), "")
	parts := strings.Split(valid, ".")
	another := signed(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), claims(nil), "")
	for _, test := range []struct {
		name, token string
		want        error
	}{
		{"alg none", signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil), ""), errSignature},
		{"another HMAC", signed(t, jwt.SigningMethodHS512, testSecret, claims(nil), ""), errSignature},
		{"another secret", another, errSignature},
		{"another's signature", parts[0] + "." + parts[1] + "." + strings.Split(another, ".")[2], errSignature},
		{"no signature", parts[0] + "." + parts[1] + ".", errSignature},
		{"two parts", parts[0] + "." + parts[1], errMalformed},
		{"four parts", valid + ".x", errMalformed},
		{"padded", valid + "=", errMalformed},
		{"with a line break", valid[:len(valid)-9] + "\r" + valid[len(valid)-9:], errMalformed},
		{"with another", valid[:9] + "\n" + valid[9:], errMalformed},
		{"garbage", "!!!.???.***", errMalformed},
		{"huge", strings.Repeat("a", 1<<20), errTooLong},
		{"huge in parts", valid + strings.Repeat("a", maxTokenBytes), errTooLong},
		{"an unknown algorithm", "eyJhbGciOiJYWVoifQ.e30.c2ln", errNoKey},
		{"no algorithm", "e30.e30.c2ln", errNoKey},
	} {
		check(t, c, test.name, test.token, test.want)
	}
	if _, err := c.Authenticate(request("/ws?user=ann&token="+valid, nil)); err != errNoToken {
		t.Errorf("a token in the URL: %v", err)
	}
}

func TestAudienceAndIssuer(t *testing.T) {
	c := newClients(t, Config{Secret: testSecret, Audience: "shell", Issuer: "https://id.example.com"})
	for _, test := range []struct {
		name     string
		aud, iss any
		want     error
	}{
		{"both", "shell", "https://id.example.com", nil},
		{"among others", []string{"mail", "shell"}, "https://id.example.com", nil},
		{"another audience", "mail", "https://id.example.com", errAudience},
		{"no audience", nil, "https://id.example.com", errNoClaim},
		{"another issuer", "shell", "https://evil.example.com", errIssuer},
		{"no issuer", "shell", nil, errNoClaim},
	} {
		token := signed(t, jwt.SigningMethodHS256, testSecret, claims(jwt.MapClaims{"aud": test.aud, "iss": test.iss}), "")
		check(t, c, test.name, token, test.want)
	}
}

func TestWhereATokenIs(t *testing.T) {
	c := newClients(t, Config{Secret: testSecret})
	ann := signed(t, jwt.SigningMethodHS256, testSecret, claims(nil), "")
	bob := signed(t, jwt.SigningMethodHS256, testSecret, claims(jwt.MapClaims{"sub": "bob"}), "")
	for _, test := range []struct {
		name   string
		header http.Header
		user   wire.UserID
	}{
		{"nowhere", nil, ""},
		{"header", http.Header{"Authorization": {"Bearer " + ann}}, "ann"},
		{"any case, more space", http.Header{"Authorization": {"bEARER   " + ann}}, "ann"},
		{"subprotocol", http.Header{"Sec-WebSocket-Protocol": {"hearth.v1, bearer." + bob}}, "bob"},
		{"the other order", http.Header{"Sec-WebSocket-Protocol": {"bearer." + bob + ",hearth.v1"}}, "bob"},
		{"in two headers", http.Header{"Sec-WebSocket-Protocol": {"bearer." + bob, "hearth.v1"}}, "bob"},
		{"without ours beside it", http.Header{"Sec-WebSocket-Protocol": {"bearer." + bob}}, ""},
		{"ours alone", http.Header{"Sec-WebSocket-Protocol": {"hearth.v1"}}, ""},
		{"the header is first", http.Header{
			"Authorization": {"Bearer " + ann}, "Sec-WebSocket-Protocol": {"hearth.v1, bearer." + bob},
		}, "ann"},
		{"a bad header is not passed over", http.Header{
			"Authorization": {"Bearer x"}, "Sec-WebSocket-Protocol": {"hearth.v1, bearer." + bob},
		}, ""},
		{"another scheme is", http.Header{
			"Authorization": {"Basic eDp5"}, "Sec-WebSocket-Protocol": {"hearth.v1, bearer." + bob},
		}, "bob"},
		{"two headers", http.Header{"Authorization": {"Bearer " + ann, "Bearer " + bob}}, ""},
		{"only a scheme", http.Header{"Authorization": {"Bearer"}}, ""},
	} {
		client, err := c.Authenticate(request("/ws", test.header))
		user := client.User
		if user != test.user || (err == nil) != (test.user != "") {
			t.Errorf("%s: user %q, %v", test.name, user, err)
		}
	}
}

func TestRefreshedTokens(t *testing.T) {
	c := newClients(t, Config{Secret: testSecret})
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	anns := signed(t, jwt.SigningMethodHS256, testSecret, claims(jwt.MapClaims{"exp": until.Unix()}), "")
	if got, err := c.Refresh("ann", wire.Secret(anns)); err != nil || !got.Equal(until) {
		t.Errorf("her own: %v, %v", got, err)
	}
	old := signed(t, jwt.SigningMethodHS256, testSecret, claims(jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()}), "")
	for token, want := range map[string]error{anns: errOtherUser, old: errExpired, "x": errMalformed, strings.Repeat("x", maxTokenBytes+1): errTooLong} {
		user := wire.UserID("ann")
		if token == anns {
			user = "bob"
		}
		if _, err := c.Refresh(user, wire.Secret(token)); err != want {
			t.Errorf("%.20s: %v, want %v", token, err, want)
		}
	}
	if _, err := newClients(t, Config{Dev: true}).Refresh("ann", "any thing"); err != nil {
		t.Errorf("in dev mode: %v", err)
	}
}

func TestDevMode(t *testing.T) {
	c := newClients(t, Config{Dev: true})
	for _, test := range []struct {
		name, target string
		header       http.Header
		user         wire.UserID
		token        wire.Secret
	}{
		{"a user", "http://127.0.0.1:8080/ws?user=ann", nil, "ann", ""},
		{"by another name", "http://localhost/ws?user=ann", nil, "ann", ""},
		{"IPv6", "http://[::1]:8080/ws?user=ann", nil, "ann", ""},
		{"a token is passed on", "http://localhost/ws?user=ann", http.Header{"Authorization": {"Bearer any thing"}}, "ann", "any thing"},
		{"and does not say who", "http://localhost/ws", http.Header{"Authorization": {"Bearer x"}}, "", ""},
		{"no user", "http://localhost/ws", nil, "", ""},
		{"not a user", "http://localhost/ws?user=a%0ab", nil, "", ""},
		{"a name that was bent to us", "http://evil.example.com:8080/ws?user=ann", nil, "", ""},
	} {
		client, err := c.Authenticate(request(test.target, test.header))
		user, token := client.User, client.Token
		if user != test.user || (err == nil) != (test.user != "") || err == nil && token != test.token {
			t.Errorf("%s: user %q, token %q, %v", test.name, user, string(token), err)
		}
	}
	locked := newClients(t, Config{Dev: true, DevToken: "the dev token"})
	for _, test := range []struct {
		name, target, bearer string
		user                 wire.UserID
	}{
		{"shown", "http://localhost/ws?user=ann", "the dev token", "ann"}, {"not shown", "http://localhost/ws?user=ann", "", ""},
		{"another", "http://localhost/ws?user=ann", "the dev tokem", ""}, {"a part", "http://localhost/ws?user=ann", "the", ""},
		{"shown for nobody", "http://localhost/ws", "the dev token", ""}, {"shown by another name", "http://evil.example/ws?user=ann", "the dev token", ""},
	} {
		header := http.Header{}
		if test.bearer != "" {
			header.Set("Authorization", "Bearer "+test.bearer)
		}
		client, err := locked.Authenticate(request(test.target, header))
		user, token := client.User, client.Token
		if user != test.user || token != "" || (err == nil) != (test.user != "") {
			t.Errorf("DEV_TOKEN %s: user %q, token %q, %v", test.name, user, string(token), err)
		}
	}
	for addr, ok := range map[string]bool{
		"127.0.0.1:8080": true, "127.8.8.8:0": true, "[::1]:8080": true, "localhost:8080": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "10.0.0.1:8080": false, "gateway:8080": false, "": false, "127.0.0.1": false,
	} {
		if err := CheckDevListener(addr); (err == nil) != ok {
			t.Errorf("listening on %q: %v", addr, err)
		}
	}
}

func TestOperator(t *testing.T) {
	const token = "an operator's token"
	closed, open, dev := Operator(nil), Operator(map[string]string{"ann": token, "bob": ""}), OpenOperator
	post := func(origin string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "http://localhost:8080/api/drain", nil)
		r.Header.Set("Origin", origin)
		return r
	}
	for name, test := range map[string]struct {
		allowed func(*http.Request) (string, bool)
		r       *http.Request
		want    bool
	}{
		"the token":               {open, withBearer(token), true},
		"another":                 {open, withBearer(token + "x"), false},
		"the second of two":       {Operator(map[string]string{"ann": token + "2", "bob": token}), withBearer(token), true},
		"none of two":             {Operator(map[string]string{"ann": token, "bob": token + "2"}), withBearer(""), false},
		"a part":                  {open, withBearer(token[:3]), false},
		"none":                    {open, request("/", nil), false},
		"not configured":          {closed, withBearer(""), false},
		"not configured, nothing": {closed, request("/", nil), false},
		"not configured, some":    {closed, withBearer(token), false},
		"dev":                     {dev, request("http://localhost:8080/", nil), true},
		"dev, a bent name":        {dev, request("http://evil.example.com:8080/", nil), false},
		"dev, our own page":       {dev, post("http://localhost:8080"), true},
		"dev, another page":       {dev, post("http://evil.example.com"), false},
	} {
		if _, ok := test.allowed(test.r); ok != test.want {
			t.Errorf("%s: allowed is %v", name, !test.want)
		}
	}
	for whose, allowed := range map[string]func(*http.Request) (string, bool){
		"ann": open, "bob": Operator(map[string]string{"ann": token + "2", "bob": token}),
	} {
		if name, _ := allowed(withBearer(token)); name != whose {
			t.Errorf("%s's token is said to be %q's", whose, name)
		}
	}
}

func TestConfigs(t *testing.T) {
	for name, config := range map[string]Config{
		"nothing":             {},
		"both":                {Secret: testSecret, JWKSURL: "https://id.example.com/keys"},
		"a short secret":      {Secret: testSecret[1:]},
		"a short one before":  {Secret: testSecret, PreviousSecret: testSecret[1:]},
		"no URL":              {JWKSURL: "keys"},
		"not https":           {JWKSURL: "http://id.example.com/keys"},
		"a password":          {JWKSURL: "https://a:b@id.example.com/keys"},
		"not a URL":           {JWKSURL: "https://id example com/%"},
		"a scheme of its own": {JWKSURL: "ftp://localhost/keys"},
	} {
		if c, err := NewClients(context.Background(), config); err == nil {
			c.Close()
			t.Errorf("%s is accepted", name)
		} else if strings.Contains(err.Error(), "a:b@") || len(config.Secret) > 0 && strings.Contains(err.Error(), string(config.Secret)) {
			t.Errorf("%s: the error quotes a secret: %v", name, err)
		}
	}
}
