package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// FuzzPool takes anything for the body of POST /api/pool: it is refused as bad, or it is a whole pool's bounds.
func FuzzPool(f *testing.F) {
	for _, body := range []string{
		`{"min":5,"max":20}`, `{"min":5}`, `{}`, `{"min":null}`, `{"min":-1,"max":9223372036854775807}`, `{"min":1e3}`, `{"MIN":1}`,
		`{"min":1,"min":2}`, `{"size":1}`, `{"min":5}{}`, `null`, `[]`, ``, `{`, `{"min":"5"}`, strings.Repeat("[", 5000),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p := &pool{}
		c := Config{Ask: p.ask, Operator: func(*http.Request) (string, bool) { return "ann", true }}
		answer := httptest.NewRecorder()
		c.operator(zerolog.Nop(), c.audited(action{"resize", c.resize}))(answer, httptest.NewRequest(http.MethodPost, "/api/pool", strings.NewReader(string(body))))
		switch answer.Code {
		case http.StatusOK:
			if p.resized == nil || p.resized.Min > p.resized.Max {
				t.Fatalf("%q: %+v", body, p.resized)
			}
		case http.StatusBadRequest:
			if p.resized != nil {
				t.Fatalf("%q is refused, and done: %+v", body, p.resized)
			}
		default:
			t.Fatalf("%q: HTTP %d %s", body, answer.Code, answer.Body)
		}
	})
}
