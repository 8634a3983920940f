package gateway

import (
	"regexp"
	"strings"
	"testing"

	"hearth/actors"
)

// setting is what each problem of a configuration begins with: the setting to change, or what the actors call it.
var setting = regexp.MustCompile(`^([A-Z][A-Z_]+[A-Z]|pool size|[a-z][a-z ]+)\b`)

// FuzzConfig takes anything for the settings that are text. What is wrong with them is told by name, in a line each, and
// without the secrets among them.
func FuzzConfig(f *testing.F) {
	f.Add(":8080", ":9090", "ws://gateway:9090", "ecs", "jwt", "https://id.example.com/keys", strings.Repeat("s", 40), "fsap-0123456789", 3, 10)
	f.Add("127.0.0.1:0", "", "", "local", "dev", "", "", "", 0, 0)
	f.Add("", "[::1", "wss://", "", "", "%zz", "short-secret-of-ours", "fsap-", -1, -1)
	f.Add("localhost:8080", "0.0.0.0:1", "ws://a:b@c:99999999/%", "local", "dev", "http://x", "\x00\x00secret", "fsap-zz", 1<<40, 2)
	f.Fuzz(func(t *testing.T, listen, internal, ws, backend, auth, jwks, secret, ap string, minimum, maximum int) {
		settings := actors.DefaultSettings()
		settings.Min, settings.Max, settings.WarmPool = minimum, maximum, minimum >= 0
		cfg := Config{
			ListenAddr: listen, InternalListenAddr: internal, GatewayWSURL: ws, Backend: backend, Auth: auth, JWKSURL: jwks,
			JWTSecret: secret, TaskTokenSecret: secret, TaskTokenSecretPrevious: secret, SharedAP: maximum >= 0, SharedAPID: ap,
			Actors: settings, TLS: TLSFiles{CertFile: ap}, MaxFrameBytes: maximum, DrainTimeout: 1,
		}
		err := cfg.validate()
		if err == nil {
			return
		}
		var joined interface{ Unwrap() []error }
		joined, _ = err.(interface{ Unwrap() []error })
		for _, problem := range joined.Unwrap() {
			text := problem.Error()
			if !setting.MatchString(text) {
				t.Errorf("%q names no setting", text)
			}
			if len(secret) > 8 && strings.Contains(text, secret) && secret != listen && secret != internal && secret != ws &&
				secret != backend && secret != auth && secret != jwks && secret != ap {
				t.Errorf("%q has the secret", text)
			}
		}
	})
}
