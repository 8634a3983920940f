package sign

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"hearth/actors"
	"hearth/messages/wire"
)

var _ actors.Signer = (*Signer)(nil)

func newSigner(t *testing.T, secret string) *Signer {
	t.Helper()
	s, err := New([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	secretA = strings.Repeat("a", MinSecretBytes)
	secretB = strings.Repeat("b", MinSecretBytes)
)

func TestSecrets(t *testing.T) {
	short := strings.Repeat("x", MinSecretBytes-1)
	if _, err := New([]byte(short)); err == nil || strings.Contains(err.Error(), short) || !strings.Contains(err.Error(), "31 bytes") {
		t.Errorf("a short secret: %v", err)
	}
	one, two := RandomSecret(), RandomSecret()
	if bytes.Equal(one, two) {
		t.Error("two random secrets are the same")
	}
	if _, err := New(one); err != nil {
		t.Errorf("a random secret: %v", err)
	}
	secret := []byte(secretA)
	s, err := New(secret)
	if err != nil {
		t.Fatal(err)
	}
	before := s.TaskToken("t")
	clear(secret)
	if s.TaskToken("t") != before {
		t.Error("the signer shares the caller's bytes")
	}
}

func TestTaskTokens(t *testing.T) {
	s := newSigner(t, secretA)
	for _, task := range []wire.TaskID{"t", "task-1", "a.b.c", wire.TaskID(strings.Repeat("x", 128))} {
		token := s.TaskToken(task)
		if got, ok := s.VerifyTaskToken(token); !ok || got != task {
			t.Errorf("token of %s: %s, %v", task, got, ok)
		}
		if token != s.TaskToken(task) {
			t.Errorf("token of %s changes", task)
		}
		if got, ok := newSigner(t, secretB).VerifyTaskToken(token); ok {
			t.Errorf("another secret's token of %s is accepted as %s", task, got)
		}
	}
}

func TestForgedTaskTokens(t *testing.T) {
	s := newSigner(t, secretA)
	token := s.TaskToken("task-1")
	signature := strings.TrimPrefix(token, "task-1.")
	// The last character holds two bits that belong to nothing: a second spelling of the same signature.
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	respelled := token[:len(token)-1] + string(alphabet[strings.IndexByte(alphabet, token[len(token)-1])^1])
	if a, _ := base64.RawURLEncoding.DecodeString(signature); a == nil {
		t.Fatal("not base64")
	}
	for name, forged := range map[string]string{
		"empty": "", "no dot": "task-1", "no signature": "task-1.", "no id": "." + signature,
		"another id": "task-2." + signature, "signature cut": token[:len(token)-1], "signature longer": token + "A",
		"padded": token + "=", "spaces": " " + token, "respelled": respelled,
		"binding": "task-1." + s.Binding("task-1", "", ""), "not an id": "a b." + signature,
		"long": strings.Repeat("x", 1<<20),
	} {
		if task, ok := s.VerifyTaskToken(forged); ok {
			t.Errorf("%s: accepted as %s", name, task)
		}
	}
}

func TestBindings(t *testing.T) {
	s := newSigner(t, secretA)
	binding := s.Binding("task", "session", "user")
	if !s.VerifyBinding(binding, "task", "session", "user") {
		t.Error("a binding is not accepted")
	}
	for _, other := range [][3]string{
		{"tas", "ksession", "user"}, {"task", "sessionu", "ser"}, {"task", "session", "use"}, {"session", "task", "user"},
		{"", "tasksession", "user"}, {"task", "session", ""},
	} {
		if s.VerifyBinding(binding, wire.TaskID(other[0]), wire.SessionID(other[1]), wire.UserID(other[2])) {
			t.Errorf("accepted for %q", other)
		}
	}
	if s.VerifyBinding("", "task", "session", "user") || newSigner(t, secretB).VerifyBinding(binding, "task", "session", "user") {
		t.Error("a forged binding is accepted")
	}
}

func TestWarmPasses(t *testing.T) {
	s := newSigner(t, secretA)
	pass := s.WarmPass("task-1")
	if !s.VerifyWarmPass(pass, "task-1") || pass != s.WarmPass("task-1") {
		t.Error("a pass is not accepted, or changes")
	}
	token := strings.TrimPrefix(s.TaskToken("task-1"), "task-1.")
	for name, forged := range map[string]wire.Secret{
		"empty": "", "cut": pass[1:], "longer": pass + "A", "another task's": s.WarmPass("task-2"),
		"another secret's": newSigner(t, secretB).WarmPass("task-1"), "the task token": wire.Secret(token),
		"a binding": wire.Secret(s.Binding("task-1", "", "")),
	} {
		if s.VerifyWarmPass(forged, "task-1") {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, ok := s.VerifyTaskToken("task-1." + string(pass)); ok || s.VerifyBinding(string(pass), "task-1", "", "") {
		t.Error("a pass passes for something else")
	}
}

// TestRotation: what was signed with the secret before this one is still good, and nothing new is signed with it.
func TestRotation(t *testing.T) {
	old, fresh := newSigner(t, secretA), newSigner(t, secretB)
	rotating, err := New([]byte(secretB), []byte(secretA))
	if err != nil {
		t.Fatal(err)
	}
	for name, signer := range map[string]*Signer{"old": old, "new": fresh} {
		if task, ok := rotating.VerifyTaskToken(signer.TaskToken("t")); !ok || task != "t" {
			t.Errorf("the %s secret's token: %q, %v", name, task, ok)
		}
		if !rotating.VerifyBinding(signer.Binding("t", "s", "u"), "t", "s", "u") {
			t.Errorf("the %s secret's binding is not accepted", name)
		}
		if !rotating.VerifyWarmPass(signer.WarmPass("t"), "t") {
			t.Errorf("the %s secret's pass is not accepted", name)
		}
	}
	if _, ok := old.VerifyTaskToken(rotating.TaskToken("t")); ok || old.VerifyBinding(rotating.Binding("t", "s", "u"), "t", "s", "u") ||
		old.VerifyWarmPass(rotating.WarmPass("t"), "t") {
		t.Error("the old secret is still signed with")
	}
	if _, err := New([]byte(secretB), []byte("short")); err == nil {
		t.Error("a short secret is accepted as the one before")
	}
}
