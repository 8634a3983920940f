package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TaskID names one task for the whole of its life. The gateway makes it, so that it is known before ECS answers; it is
// never used twice.
type TaskID string

// SessionID names one user's session, across tasks, sockets and gateways.
type SessionID string

// UserID is whoever the authenticator said the client is: the JWT's sub. It may hold any printable characters; see
// [WorkspaceName] for how it becomes a directory.
type UserID string

// Traceparent says which trace a start belongs to, as W3C Trace Context has it. Empty is none.
type Traceparent string

// Valid reports whether it is one of version 00. By the standard, one that is not is passed over, and no error.
func (t Traceparent) Valid() bool {
	parts := strings.Split(string(t), "-")
	if len(parts) != 4 || parts[0] != "00" {
		return false
	}
	for i, length := range []int{2, 32, 16, 2} {
		if len(parts[i]) != length || strings.Trim(parts[i], "0123456789abcdef") != "" {
			return false
		}
	}
	return strings.Trim(parts[1], "0") != "" && strings.Trim(parts[2], "0") != ""
}

// maxIDLength bounds the ids of the wire contract, in bytes.
const maxIDLength = 128

// maxUserIDLength bounds a user id, in bytes: the limit that RFC 7519's sub leaves open.
const maxUserIDLength = 256

// ValidID reports whether s matches the contract's [A-Za-z0-9][A-Za-z0-9._-]{0,127}.
func ValidID(s string) bool {
	if s == "" || len(s) > maxIDLength {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alphanumeric && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// ValidUserID reports whether an authenticator's subject can be a user here: not empty, at most 256 bytes of valid
// UTF-8, and printable, so that it cannot forge a log line.
func ValidUserID(s string) bool {
	if s == "" || len(s) > maxUserIDLength || !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// WorkspaceName is the directory of a user's workspace below the workspace root. An id that is a safe name is used as it
// is, so that directories made before Hearth keep working. Any other id becomes "~" and its SHA-256: no safe id begins
// with "~", so the two kinds cannot collide.
func WorkspaceName(user UserID) string {
	if ValidID(string(user)) {
		return string(user)
	}
	sum := sha256.Sum256([]byte(user))
	return "~" + hex.EncodeToString(sum[:])
}

// checkID is ValidID with an error that names the field and never quotes more than its length.
func checkID(field, value string) error {
	if !ValidID(value) {
		return fmt.Errorf("%s: %d bytes that are not an id ([A-Za-z0-9][A-Za-z0-9._-]{0,127})", field, len(value))
	}
	return nil
}

// Secret is a user's or a task's token, or a task's pass. Printing or logging it gives "[secret]"; only the frame codec and
// the token file write it.
type Secret string

// String hides the secret from fmt and from loggers.
func (Secret) String() string { return "[secret]" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "[secret]" }
