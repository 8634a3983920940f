package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// Operator makes the check that a request carries the operator's token (OPERATOR_TOKEN). Without a token it is closed to
// everyone; in dev mode it is open to whoever reaches the loopback listener by its own name, but not to other sites' pages
// in this machine's browser.
func Operator(token string, dev bool) func(*http.Request) bool {
	// Hashes are of one length, so that comparing them does not tell the token's.
	want := sha256.Sum256([]byte(token))
	var sites http.CrossOriginProtection
	return func(r *http.Request) bool {
		if dev {
			return loopbackHost(r.Host) && sites.Check(r) == nil
		}
		bearer, err := Bearer(r)
		got := sha256.Sum256([]byte(bearer))
		return err == nil && token != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
	}
}
