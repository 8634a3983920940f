package api

import (
	"context"
	"net/http"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"hearth/messages"
	"hearth/messages/wire"
)

// action is something that an operator does.
type action struct {
	name string
	do   func(r *http.Request) (status int, body any)
}

// levelAudit is the level of the lines that say what an operator has done. It is none of the log's own: they are written whatever
// LOG_LEVEL says, and found by it.
const levelAudit = "audit"

// audited makes a handler of an action, and a line of the log of each request for it, also of one that came to nothing.
func (c Config) audited(a action) handler {
	return func(r *http.Request, operator string) (int, any) {
		status, body := a.do(r)
		from(c.Log.Log().Str(zerolog.LevelFieldName, levelAudit).Str("action", a.name).Str("operator", operator), r).
			Int("status", status).Interface("answer", body).Msg("an operator's request")
		return status, body
	}
}

// maxLogged bounds what of a request is in a line, in bytes.
const maxLogged = 256

// from adds what a request was for and where it came from.
func from(line *zerolog.Event, r *http.Request) *zerolog.Event {
	line.Str("request", clip(r.Method+" "+r.URL.RequestURI())).Str("peer", r.RemoteAddr)
	if forwarded := r.Header.Get("X-Forwarded-For"); forwarded != "" { // the load balancer's word, or anybody's where there is none
		line.Str("forwardedFor", clip(forwarded))
	}
	return line
}

func clip(text string) string { return text[:min(len(text), maxLogged)] }

// strangers is the log for requests without a token, of which anybody can make as many as they like.
func (c Config) strangers() zerolog.Logger {
	return c.Log.Sample(&zerolog.BurstSampler{Burst: 10, Period: 10 * time.Second})
}

// drain takes no new sessions from here on.
func (c Config) drain(*http.Request) (int, any) {
	c.Drain()
	return http.StatusAccepted, map[string]bool{"draining": true}
}

// undrain takes new sessions again.
func (c Config) undrain(r *http.Request) (int, any) {
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	if err := c.Undrain(ctx); err != nil {
		return gone(err)
	}
	return http.StatusOK, map[string]bool{"draining": false}
}

// resize changes the pool's bounds; one that is left out stays as it is.
func (c Config) resize(r *http.Request) (int, any) {
	var bounds struct {
		Min *int `json:"min"`
		Max *int `json:"max"`
	}
	body := http.MaxBytesReader(nil, r.Body, maxBody)
	if err := jsonv2.UnmarshalRead(body, &bounds, jsonv2.RejectUnknownMembers(true)); err != nil {
		return http.StatusBadRequest, problem(`the body must be {"min":N,"max":N} and nothing else: ` + err.Error())
	}
	status, err := ask[*messages.PoolStatus](c, r, &messages.StatusRequest{})
	if err != nil {
		return gone(err)
	}
	request := &messages.Resize{Min: status.Pool.Min, Max: status.Pool.Max}
	if bounds.Min != nil {
		request.Min = *bounds.Min
	}
	if bounds.Max != nil {
		request.Max = *bounds.Max
	}
	resized, err := ask[*messages.Resized](c, r, request)
	switch {
	case err != nil:
		return gone(err)
	case resized.Problem != "":
		return http.StatusBadRequest, problem(resized.Problem)
	}
	return http.StatusOK, map[string]int{"min": request.Min, "max": request.Max}
}

// endSession ends one session.
func (c Config) endSession(r *http.Request) (int, any) {
	id := r.PathValue("id")
	if !wire.ValidID(id) {
		return http.StatusBadRequest, problem("this is not the id of a session")
	}
	return c.end(r, &messages.EndSessions{Session: wire.SessionID(id)})
}

// endUser ends all of a user's sessions. ?deny=15m keeps the user out for as long.
func (c Config) endUser(r *http.Request) (int, any) {
	request := &messages.EndSessions{User: wire.UserID(r.PathValue("id"))}
	if !wire.ValidUserID(string(request.User)) {
		return http.StatusBadRequest, problem("this is not the id of a user")
	}
	if text := r.URL.Query().Get("deny"); text != "" {
		var err error
		if request.Deny, err = time.ParseDuration(text); err != nil || request.Deny < 0 {
			return http.StatusBadRequest, problem("deny must be a time such as 15m")
		}
	}
	return c.end(r, request)
}

// end asks for the end of sessions. None is an answer, too, but not for who has named one, or keeps nobody out.
func (c Config) end(r *http.Request, request *messages.EndSessions) (int, any) {
	ended, err := ask[*messages.Ended](c, r, request)
	switch {
	case err != nil:
		return gone(err)
	case ended.Sessions == 0 && request.Deny == 0:
		return http.StatusNotFound, problem("there is no such session at this gateway")
	}
	return http.StatusOK, map[string]int{"ended": ended.Sessions}
}
