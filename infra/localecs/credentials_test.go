package localecs

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// TestNobodyIsTrustedForBeingOnThisMachine: an agent finds the port, and whoever may call runs programs as this user.
func TestNobodyIsTrustedForBeingOnThisMachine(t *testing.T) {
	e := start(t, Config{})
	const body = `{}`
	hash := sha256.Sum256([]byte(body))
	signed := func(keys aws.Credentials, at time.Time) func(*http.Request) {
		return func(r *http.Request) {
			if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, hex.EncodeToString(hash[:]), "ecs", "us-east-1", at); err != nil {
				t.Fatal(err)
			}
		}
	}
	good := signed(e.Credentials(), time.Now())
	otherSecret, otherKey := e.Credentials(), e.Credentials()
	otherSecret.SecretAccessKey, otherKey.AccessKeyID = "x", "AKIDOTHER"
	for _, test := range []struct {
		name, path string
		change     func(*http.Request)
		status     int
		says       string
	}{
		{"signed", "/", good, 200, "taskArns"},
		{"not signed", "/", func(*http.Request) {}, 400, "MissingAuthenticationToken"},
		{"another key", "/", signed(otherKey, time.Now()), 400, "UnrecognizedClient"},
		{"another secret", "/", signed(otherSecret, time.Now()), 400, "InvalidSignature"},
		{"long ago", "/", signed(e.Credentials(), time.Now().Add(-time.Hour)), 400, "InvalidSignature"},
		{"in the future", "/", signed(e.Credentials(), time.Now().Add(time.Hour)), 400, "InvalidSignature"},
		{"another target than was signed", "/", func(r *http.Request) { good(r); r.Header.Set("X-Amz-Target", targetPrefix+"RunTask") }, 400, "InvalidSignature"},
		{"another body than was signed", "/", func(r *http.Request) { good(r); r.Body = io.NopCloser(strings.NewReader(`[]`)) }, 400, "InvalidSignature"},
		{"half a header", "/", func(r *http.Request) { r.Header.Set("Authorization", signatureScheme+" Credential=a") }, 400, "MissingAuthenticationToken"},
		{"another API, not signed", "/2015-02-01/access-points", func(*http.Request) {}, 400, "MissingAuthenticationToken"},
		{"control without keys", "/_localecs/faults", func(*http.Request) {}, 401, "AWS_ACCESS_KEY_ID"},
		{"control with other keys", "/_localecs/faults", func(r *http.Request) { r.SetBasicAuth(e.Credentials().AccessKeyID, "x") }, 401, "AWS_ACCESS_KEY_ID"},
		{"instances without keys", "/_localecs/instances/lose", func(*http.Request) {}, 401, "AWS_ACCESS_KEY_ID"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL()+test.path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", jsonType)
		r.Header.Set("X-Amz-Target", targetPrefix+"ListTasks")
		r.Close = true
		test.change(r)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != test.status || !strings.Contains(string(text), test.says) {
			t.Errorf("%s: %d %s", test.name, answer.StatusCode, text)
		}
	}
}
