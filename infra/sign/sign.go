// Package sign makes and checks the gateway's signatures, all with one secret (TASK_TOKEN_SECRET): the token with which a
// task proves to be that task, and the binding with which it proves whose session it serves. Gateways with the same
// secret accept each other's, so that a task survives the gateway that started it.
package sign

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"hearth/messages"
)

// MinSecretBytes is the shortest secret that New takes: as long as the signatures that it makes.
const MinSecretBytes = sha256.Size

// The purposes keep one kind of signature from passing for another.
const (
	purposeTaskToken = "hearth task token 1"
	purposeBinding   = "hearth binding 1"
)

// Signer signs with one secret. It is the actors' port of that name, and safe for concurrent use.
type Signer struct{ secret []byte }

// New makes a signer. It refuses a secret that is too short to be one.
func New(secret []byte) (*Signer, error) {
	if len(secret) < MinSecretBytes {
		return nil, fmt.Errorf("secret of %d bytes, must be at least %d (such as from: openssl rand -base64 32)",
			len(secret), MinSecretBytes)
	}
	return &Signer{secret: append([]byte(nil), secret...)}, nil
}

// RandomSecret is a secret for a gateway that needs none to last: tasks that it started are not known to another one.
func RandomSecret() []byte {
	secret := make([]byte, MinSecretBytes)
	rand.Read(secret) // never fails: see crypto/rand
	return secret
}

// TaskToken is the token of a task: its id, a dot, and the signature. It is the same each time.
func (s *Signer) TaskToken(task messages.TaskID) string {
	return string(task) + "." + s.sign(purposeTaskToken, string(task))
}

// VerifyTaskToken tells whose a token is, and whether it is one.
func (s *Signer) VerifyTaskToken(token string) (messages.TaskID, bool) {
	dot := strings.LastIndexByte(token, '.') // ids may have dots, signatures have none
	if dot < 0 || !messages.ValidID(token[:dot]) {
		return "", false
	}
	task := messages.TaskID(token[:dot])
	if !hmac.Equal([]byte(token), []byte(s.TaskToken(task))) {
		return "", false
	}
	return task, true
}

// Binding signs that a task serves a session of a user.
func (s *Signer) Binding(task messages.TaskID, session messages.SessionID, user messages.UserID) string {
	return s.sign(purposeBinding, string(task), string(session), string(user))
}

// VerifyBinding reports whether a binding is the signature over just these three.
func (s *Signer) VerifyBinding(
	binding string, task messages.TaskID, session messages.SessionID, user messages.UserID,
) bool {
	return hmac.Equal([]byte(binding), []byte(s.Binding(task, session, user)))
}

// sign is HMAC-SHA256 over the purpose and the parts, each behind its length, so that no two lists of parts are the same
// bytes. Signatures are compared in their encoded form: a second spelling of the same bytes is not accepted.
func (s *Signer) sign(purpose string, parts ...string) string {
	mac := hmac.New(sha256.New, s.secret)
	var text []byte
	for _, part := range append([]string{purpose}, parts...) {
		text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	mac.Write(text)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
