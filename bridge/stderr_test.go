package bridge

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// TestAnAgentCannotFloodTheLog: it takes so much, and says how much it has left out.
func TestAnAgentCannotFloodTheLog(t *testing.T) {
	for _, line := range []string{"", "short", strings.Repeat("x", 200), strings.Repeat("x", 2*maxLogLine)} {
		var out bytes.Buffer
		log := newStderrLog(zerolog.New(&out))
		const lines = 50_000
		for i := range lines {
			log.line(fmt.Sprint(line, i))
		}
		log.close()
		written := strings.Count(out.String(), `"level":"info"`)
		left := 0
		for text := range strings.Lines(out.String()) {
			var n int
			if _, err := fmt.Sscanf(text, `{"level":"warn","stream":"stderr","lines":%d,`, &n); err == nil {
				left += n
			}
		}
		if written == 0 || written+left != lines || out.Len() > 8*stderrBurst {
			t.Errorf("lines of %d bytes: %d written, %d left out of %d, %d bytes in the log", len(line), written, left, lines, out.Len())
		}
	}
}
