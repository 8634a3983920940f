package api

import (
	"encoding/json"
	"net/http"
	"time"

	"hearth/infra/observe"
	"hearth/messages"
)

const (
	// maxFeeds bounds those who watch at once: each has the pool asked for all of its tasks and sessions again and again.
	maxFeeds = 16
	// feedPause is the least time from one event to the next, feedEvery the most, so that proxies keep the connection.
	feedPause = 500 * time.Millisecond
	feedEvery = 10 * time.Second
	// feedWrite is how long a watcher may take to read an event.
	feedWrite = 10 * time.Second
)

// feedEvent is what is sent to those who watch: what GET /api/status answers, and the last hour.
type feedEvent struct {
	Status *messages.PoolStatus `json:"status"`
	Hour   observe.Hour         `json:"hour"`
}

// feed sends the pool's status as server-sent events, whenever it has changed, until its reader has had enough.
func (c Config) feed(slots chan struct{}) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, r *http.Request, _ string) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			w.Header().Set("Retry-After", "5")
			answer(w, http.StatusServiceUnavailable, problem("too many watch already"))
			return
		}
		// A reader that has nothing more to say is no slow one: past the server's deadline it would be taken for gone.
		if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
			answer(w, http.StatusInternalServerError, problem(err.Error()))
			return
		}
		w.Header().Set("X-Accel-Buffering", "no") // an nginx in front would hold events back
		for {
			changed := c.Changed() // before the question, so that no change is missed
			status, err := ask[*messages.PoolStatus](c, r, &messages.StatusRequest{})
			if err != nil {
				answer(w, http.StatusServiceUnavailable, problem(err.Error())) // in the midst of events it is none, and the reader asks again
				return
			}
			if !sendEvent(w, feedEvent{status, c.Hour()}) || !pause(r, feedPause, nil) || !pause(r, feedEvery-feedPause, changed) {
				return
			}
		}
	}
}

// sendEvent reports whether the reader has taken an event.
func sendEvent(w http.ResponseWriter, event feedEvent) bool {
	text, err := json.Marshal(event)
	if err != nil {
		return false // Invariant: it is plain structs; and the connection's end is seen by whoever watches
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	controller := http.NewResponseController(w)
	if controller.SetWriteDeadline(time.Now().Add(feedWrite)) != nil {
		return false
	}
	_, err = w.Write(append(append([]byte("data: "), text...), "\n\n"...))
	return err == nil && controller.Flush() == nil
}

// pause waits for d, or less if there is news. It reports false when the reader has gone.
func pause(r *http.Request, d time.Duration, news <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return false
	case <-news:
	case <-timer.C:
	}
	return true
}
