// Package sign makes and checks the gateway's signatures, all with one secret at a time (TASK_TOKEN_SECRET): the token with
// which a task proves to be that task, the pass with which it proves to have no user yet, and the binding with which it
// proves whose session it serves. Gateways with the same secret accept each other's, so that a task survives the gateway
// that started it.
package sign

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"hearth/messages/wire"
)

// MinSecretBytes is the shortest secret that New takes: as long as the signatures that it makes.
const MinSecretBytes = sha256.Size

// The purposes keep one kind of signature from passing for another.
const (
	purposeTaskToken = "hearth task token 1"
	purposeBinding   = "hearth binding 1"
	purposeWarmPass  = "hearth warm pass 1"
)

// Signer signs with one secret, and takes what was signed with it or with one of those before it. It is the actors' port
// of that name, and safe for concurrent use.
type Signer struct{ secrets [][]byte }

// New makes a signer. The previous secrets are those whose signatures are still out there. It refuses a secret that is too
// short to be one.
func New(secret []byte, previous ...[]byte) (*Signer, error) {
	s := &Signer{}
	for _, each := range append([][]byte{secret}, previous...) {
		if len(each) < MinSecretBytes {
			return nil, fmt.Errorf("secret of %d bytes, must be at least %d (such as from: openssl rand -base64 32)",
				len(each), MinSecretBytes)
		}
		s.secrets = append(s.secrets, bytes.Clone(each))
	}
	return s, nil
}

// RandomSecret is a secret for a gateway that needs none to last: tasks that it started are not known to another one.
func RandomSecret() []byte {
	secret := make([]byte, MinSecretBytes)
	rand.Read(secret) // never fails: see crypto/rand
	return secret
}

// TaskToken is the token of a task: its id, a dot, and the signature. It is the same each time.
func (s *Signer) TaskToken(task wire.TaskID) string {
	return string(task) + "." + sign(s.secrets[0], purposeTaskToken, string(task))
}

// VerifyTaskToken tells whose a token is, and whether it is one.
func (s *Signer) VerifyTaskToken(token string) (wire.TaskID, bool) {
	dot := strings.LastIndexByte(token, '.') // ids may have dots, signatures have none
	if dot < 0 || !wire.ValidID(token[:dot]) {
		return "", false
	}
	if !s.verify(token[dot+1:], purposeTaskToken, token[:dot]) {
		return "", false
	}
	return wire.TaskID(token[:dot]), true
}

// Binding signs that a task serves a session of a user.
func (s *Signer) Binding(task wire.TaskID, session wire.SessionID, user wire.UserID) string {
	return sign(s.secrets[0], purposeBinding, string(task), string(session), string(user))
}

// VerifyBinding reports whether a binding is the signature over just these three.
func (s *Signer) VerifyBinding(
	binding string, task wire.TaskID, session wire.SessionID, user wire.UserID,
) bool {
	return s.verify(binding, purposeBinding, string(task), string(session), string(user))
}

// WarmPass signs that a task may be given a user. It is the same each time: whoever has forgotten it has no other.
func (s *Signer) WarmPass(task wire.TaskID) wire.Secret {
	return wire.Secret(sign(s.secrets[0], purposeWarmPass, string(task)))
}

// VerifyWarmPass reports whether a pass is the signature over just this task.
func (s *Signer) VerifyWarmPass(pass wire.Secret, task wire.TaskID) bool {
	return s.verify(string(pass), purposeWarmPass, string(task))
}

// verify reports whether a signature over the purpose and the parts was made with one of the secrets.
func (s *Signer) verify(signature, purpose string, parts ...string) bool {
	for _, secret := range s.secrets {
		if hmac.Equal([]byte(signature), []byte(sign(secret, purpose, parts...))) {
			return true
		}
	}
	return false
}

// sign is HMAC-SHA256 over the purpose and the parts, each behind its length, so that no two lists of parts are the same
// bytes. Signatures are compared in their encoded form: a second spelling of the same bytes is not accepted.
func sign(secret []byte, purpose string, parts ...string) string {
	mac := hmac.New(sha256.New, secret)
	var text []byte
	for _, part := range append([]string{purpose}, parts...) {
		text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	mac.Write(text)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
