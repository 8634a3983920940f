package observe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// TestRecentLines: whoever asks for what comes next gets every line once, and is told of those that came too fast.
func TestRecentLines(t *testing.T) {
	r := NewRecent()
	log := zerolog.New(r)
	if lines, next, lost := r.After(0, 10); len(lines) != 0 || next != 1 || lost != 0 {
		t.Errorf("before the first: %q, %d, %d", lines, next, lost)
	}
	for i := range 5 {
		log.Info().Msg(fmt.Sprint(i))
	}
	read := func(after uint64, limit int, want string) uint64 {
		t.Helper()
		lines, next, lost := r.After(after, limit)
		var got strings.Builder
		for _, line := range lines {
			got.WriteString(strings.TrimSuffix(strings.TrimPrefix(string(line), `{"level":"info","message":"`), `"}`))
		}
		if fmt.Sprint(got.String(), " ", lost) != want {
			t.Errorf("after %d: %s %d, want %s", after, got.String(), lost, want)
		}
		return next
	}
	next := read(0, 2, "34 0")
	read(next, 10, " 0")
	next = read(read(1, 2, "01 0"), 2, "23 0")
	log.Info().Msg("5")
	read(next, 10, "45 0")
	read(next+1000, 10, "012345 0") // the process of before had more lines
	big := strings.Repeat("x", recentBytes/4)
	for range 10 {
		log.Info().Msg(big)
	}
	if _, _, lost := r.After(1, 100); lost < 10 || r.bytes > recentBytes || len(r.lines) < 3 {
		t.Errorf("%d lost, %d bytes in %d lines", lost, r.bytes, len(r.lines))
	}
}
