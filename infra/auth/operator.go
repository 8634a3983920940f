package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// Operator makes the check that a request carries an operator's token, and says whose: tokens has them by name. Without any it is
// closed to everyone, and one that is empty is nobody's.
func Operator(tokens map[string]string) func(*http.Request) (name string, ok bool) {
	return func(r *http.Request) (name string, ok bool) {
		bearer, err := Bearer(r)
		for each, token := range tokens {
			if sameSecret(bearer, token) {
				name, ok = each, err == nil
			}
		}
		return name, ok
	}
}

// OpenOperator is the check of a gateway with AUTH=dev and DEV_TOKEN=off: it lets in whoever reaches the loopback listener by its
// own name, but not other sites' pages in this machine's browser.
func OpenOperator(r *http.Request) (name string, ok bool) {
	var sites http.CrossOriginProtection
	return "anyone", loopbackHost(r.Host) && sites.Check(r) == nil
}

// sameSecret compares what somebody shows with a secret that must not be empty, in a time that tells neither's length or content:
// hashes are of one length.
func sameSecret(shown, secret string) bool {
	got, want := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(secret))
	return secret != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
