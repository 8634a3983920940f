package observe

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"hearth/messages"
)

// TestTasksWithLessIsolationAreTold has tasks come and go. One that has less than was asked does not make the gateway unready.
func TestTasksWithLessIsolationAreTold(t *testing.T) {
	o := New(zerolog.Nop(), prometheus.NewRegistry())
	o.Answered()
	o.Observe(messages.Event{Kind: messages.EventReady})
	for _, c := range []struct{ asked, was, is, want string }{
		{"auto", "", "path,uid,landlock", ""},
		{"auto", "", "path,uid,landlock,chroot", ""},
		{"auto", "", "path,landlock", "; tasks with less isolation than uid,landlock: 1 with path,landlock"},
		{"auto", "", "path,landlock", "; tasks with less isolation than uid,landlock: 2 with path,landlock"},
		{"auto", "", "path,uid,magic", "; tasks with less isolation than uid,landlock: 1 with other, 2 with path,landlock"},
		{"path, landlock", "path,uid,magic", "", ""},
		{"uid", "path,landlock", "path,uid", "; tasks with less isolation than uid: 1 with path,landlock"},
		{"uid", "path,landlock", "", ""},
		{"auto", "path,uid", "", ""},
	} {
		o.AskIsolation(c.asked)
		o.Observe(messages.Event{Kind: messages.EventIsolated, Was: c.was, Phase: c.is})
		if ready, got := o.Ready(); !ready || got != "ready"+c.want {
			t.Errorf("%+v: ready %v, %q", c, ready, got)
		}
	}
}
