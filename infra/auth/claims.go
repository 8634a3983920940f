package auth

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

// exactClaims are read by names that match exactly: to encoding/json, which the library reads with, "SUB" is "sub" as well.
type exactClaims struct{ jwt.RegisteredClaims }

// UnmarshalJSON is called by the library.
func (c *exactClaims) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &c.RegisteredClaims)
}

// checkSpelling refuses what two readers of one token could understand differently: a name that comes twice in the header or the
// claims, and a header that says that it must not be read without an extension (RFC 7515, 4.1.11; RFC 7797, 6). What is wrong
// otherwise the library tells.
func checkSpelling(token string) error {
	header, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	for _, part := range []string{header, payload} {
		text, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return errMalformed
		}
		var members map[string]any
		switch err := json.Unmarshal(text, &members); {
		case errors.Is(err, jsontext.ErrDuplicateName):
			return errTwice
		case err != nil || members == nil:
			return errMalformed
		}
		if part != header {
			continue
		}
		for _, extension := range []string{"crit", "b64"} {
			if _, asked := members[extension]; asked {
				return errCritical
			}
		}
	}
	return nil
}
