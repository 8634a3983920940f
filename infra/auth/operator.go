package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// Operator makes the check that a request carries the operator's token (OPERATOR_TOKEN), or the DEV_TOKEN where there is one.
// Without either it is closed to everyone.
func Operator(tokens ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		bearer, err := Bearer(r)
		may := false
		for _, token := range tokens {
			may = sameSecret(bearer, token) || may
		}
		return err == nil && may
	}
}

// OpenOperator is the check of a gateway with AUTH=dev and DEV_TOKEN=off: it lets in whoever reaches the loopback listener by its
// own name, but not other sites' pages in this machine's browser.
func OpenOperator(r *http.Request) bool {
	var sites http.CrossOriginProtection
	return loopbackHost(r.Host) && sites.Check(r) == nil
}

// sameSecret compares what somebody shows with a secret that must not be empty, in a time that tells neither's length or content:
// hashes are of one length.
func sameSecret(shown, secret string) bool {
	got, want := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(secret))
	return secret != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
