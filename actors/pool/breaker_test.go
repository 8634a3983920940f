package pool

import (
	"testing"

	"pgregory.net/rapid"

	"hearth/messages/wire"
)

func TestBreaker(t *testing.T) {
	al, bo, cy := culprit{"al", "s1"}, culprit{"bo", "s2"}, culprit{"cy", "s3"}
	again, anew := culprit{"al", "s4"}, culprit{"al", "s5"}
	for _, test := range []struct {
		name   string
		proved bool
		failed []culprit
		open   bool
	}{
		{"three users", true, []culprit{al, bo, cy}, true},
		{"two are not enough", true, []culprit{al, bo, al, bo, al, bo}, false},
		{"a user counts once", true, []culprit{al, again, anew}, false},
		{"whoever comes between", true, []culprit{al, bo, again, bo, anew, cy}, true},
		{"no agent has ever started: three sessions of one user", false, []culprit{al, again, anew}, true},
		{"but not three tasks of one session", false, []culprit{al, al, al}, false},
	} {
		b := breaker{proved: test.proved}
		for _, c := range test.failed {
			b.fail(c)
		}
		if b.open() != test.open {
			t.Errorf("%s: open is %t", test.name, b.open())
		}
		if b.succeed(); b.open() || !b.proved {
			t.Errorf("%s: an agent that starts does not close it", test.name)
		}
	}
}

// TestTheBreakerOpensForTheDeploymentsFaultAlone: over any sequence of agents that start and that fail it is open exactly while
// as many users as make a row have failed since one last started; before one ever has, as many sessions.
func TestTheBreakerOpensForTheDeploymentsFaultAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b breaker
		proved, users, sessions := false, map[wire.UserID]bool{}, map[culprit]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "agents") {
			if rapid.IntRange(0, 5).Draw(t, "starts") == 0 {
				b.succeed()
				proved = true
				clear(users)
				clear(sessions)
			} else {
				c := culprit{
					wire.UserID(rapid.StringOfN(rapid.RuneFrom([]rune("abcd")), 1, 1, -1).Draw(t, "user")),
					wire.SessionID(rapid.StringOfN(rapid.RuneFrom([]rune("xyz")), 1, 1, -1).Draw(t, "session")),
				}
				b.fail(c)
				users[c.user], sessions[c] = true, true
			}
			want := len(users) >= breakerRow || !proved && len(sessions) >= breakerRow
			if b.open() != want {
				t.Fatalf("open is %t: %d users and %d sessions have failed, proved is %t", b.open(), len(users), len(sessions), proved)
			}
		}
	})
}
