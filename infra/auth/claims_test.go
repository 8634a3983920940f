package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestNamesInTokensMatchExactly: what two readers of one token could understand differently is refused, and a name in another
// case is another name.
func TestNamesInTokensMatchExactly(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	clients, err := NewClients(t.Context(), Config{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	defer clients.Close()
	sign := func(header, claims string) string {
		encoding := base64.RawURLEncoding
		signed := encoding.EncodeToString([]byte(header)) + "." + encoding.EncodeToString([]byte(claims))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(signed))
		return signed + "." + encoding.EncodeToString(mac.Sum(nil))
	}
	const plain = `{"alg":"HS256","typ":"JWT"}`
	soon, past := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	for _, test := range []struct {
		header, claims, user string
		err                  error
	}{
		{plain, `{"sub":"a","exp":SOON}`, "a", nil},
		{plain, `{"sub":"a","SUB":"b","exp":SOON}`, "a", nil},
		{plain, `{"Sub":"b","sub":"a","\u017fub":"c","exp":SOON}`, "a", nil},
		{plain, `{"SUB":"b","exp":SOON}`, "", errSubject},
		{plain, `{"sub":"a","EXP":SOON}`, "", errNoClaim},
		{plain, `{"sub":"a","exp":PAST,"EXP":SOON}`, "", errExpired},
		{plain, `{"sub":"a","exp":SOON,"NBF":SOON}`, "a", nil},
		{plain, `{"sub":"a","sub":"b","exp":SOON}`, "", errTwice},
		{plain, `{"sub":"a","s\u0075b":"b","exp":SOON}`, "", errTwice},
		{plain, `{"sub":"a","exp":PAST,"exp":SOON}`, "", errTwice},
		{plain, `{"sub":"a","exp":SOON,"x":{"y":1,"y":2}}`, "", errTwice},
		{plain, `null`, "", errMalformed},
		{`{"alg":"none","alg":"HS256"}`, `{"sub":"a","exp":SOON}`, "", errTwice},
		{`{"alg":"HS256","crit":["exp"]}`, `{"sub":"a","exp":SOON}`, "", errCritical},
		{`{"alg":"HS256","crit":[]}`, `{"sub":"a","exp":SOON}`, "", errCritical},
		{`{"alg":"HS256","b64":false,"crit":["b64"]}`, `{"sub":"a","exp":SOON}`, "", errCritical},
		{`{"alg":"HS256","b64":false}`, `{"sub":"a","exp":SOON}`, "", errCritical},
		{`{"alg":"HS256","B64":false}`, `{"sub":"a","exp":SOON}`, "a", nil},
	} {
		claims := strings.NewReplacer("SOON", fmt.Sprint(soon), "PAST", fmt.Sprint(past)).Replace(test.claims)
		user, _, err := clients.tokens.user(sign(test.header, claims))
		if string(user) != test.user || err != test.err {
			t.Errorf("%s %s: %q, %v; want %q, %v", test.header, test.claims, user, err, test.user, test.err)
		}
	}
}
