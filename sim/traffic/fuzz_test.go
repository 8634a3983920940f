package traffic

import (
	"bytes"
	"testing"
)

// FuzzRecording takes anything for a file of recorded arrivals: it is refused with a reason, or it is arrivals in order,
// the first of them at 0.
func FuzzRecording(f *testing.F) {
	for _, text := range []string{
		"timestamp\n0\n1.5\n2\n", "time_ms,user\n1700000000000,a\n1700000000250,b\n", "Time [sec]\n1e99\n", "timestamp\n2024-01-02T03:04:05Z\nx\n",
		"timestamp\n-9223372036\n9223372036\n", "time\n9999999999\n99999999999\n", "\xef\xbb\xbftime\n1\n", "\x1f\x8b\x08", "a,b\n1,2\n", "time\n", "", "\"",
		"timestamp\n1677-09-21 00:12:43\n2262-04-11 23:47:16\n", "time\n.5\n+1\n1.\n", "time;n\n1,5;a\n2,25;b\n", "{\"timestamp\": 0, \"n\": [1]}\n{\"timestamp\": \"7\"}\n", "a\ttime\n1\t2\n",
	} {
		f.Add([]byte(text), uint8(0), 1.0)
		f.Add([]byte(text), uint8(3), 0.1)
	}
	f.Fuzz(func(t *testing.T, text []byte, every uint8, stretch float64) {
		source, err := Recording{Every: int(every), Stretch: stretch}.Read(bytes.NewReader(text))
		if err != nil {
			if err.Error() == "" {
				t.Fatal("refused without a word")
			}
			return
		}
		first, err := source.Next()
		if err != nil || first.At != 0 {
			t.Fatalf("%q: the first arrival is at %v, %v", text, first.At, err)
		}
		last := first.At
		for {
			arrival, err := source.Next()
			if err != nil {
				return
			}
			if arrival.At < last {
				t.Fatalf("%q: %v comes after %v", text, arrival.At, last)
			}
			last = arrival.At
		}
	})
}
