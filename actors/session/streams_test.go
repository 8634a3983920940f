package session

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"hearth/messages"
	"hearth/messages/wire"
)

func line(seq uint64) wire.Data { return wire.Data{Seq: seq, Payload: json.RawMessage("0")} }

func TestInputsAreNumberedAndTakenOnce(t *testing.T) {
	tests := []struct {
		name    string
		seqs    []uint64
		want    uint64
		verdict inputVerdict
	}{
		{"without a number it is given the first", []uint64{0}, 1, inputAccepted},
		{"then the next", []uint64{0, 0, 0}, 3, inputAccepted},
		{"numbers of the client's are kept", []uint64{1, 2, 3}, 3, inputAccepted},
		{"both may be mixed", []uint64{1, 0, 3}, 3, inputAccepted},
		{"a resend is known", []uint64{1, 2, 2}, 0, inputDuplicate},
		{"also of something older", []uint64{1, 2, 3, 1}, 0, inputDuplicate},
		{"a number that was left out is seen", []uint64{1, 3}, 0, inputHole},
		{"the first must be 1", []uint64{2}, 0, inputHole},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var q inputQueue
			var seq uint64
			var verdict inputVerdict
			for _, s := range test.seqs {
				seq, verdict = q.add(line(s), 1, 10)
			}
			if seq != test.want || verdict != test.verdict {
				t.Errorf("%d, verdict %d; want %d, verdict %d", seq, verdict, test.want, test.verdict)
			}
		})
	}
}

func TestInputsAreBounded(t *testing.T) {
	var q inputQueue
	for q.bytes < inputBound {
		if _, verdict := q.add(line(0), 1, 1<<16); verdict != inputAccepted {
			t.Fatalf("verdict %d at %d bytes", verdict, q.bytes)
		}
	}
	if _, verdict := q.add(line(0), 1, 1); verdict != inputFull {
		t.Errorf("verdict %d above the bound", verdict)
	}
	q.acknowledge(1, func(messages.LinkID, int) {})
	if _, verdict := q.add(line(0), 1, 1); verdict != inputAccepted {
		t.Errorf("verdict %d once there is room again", verdict)
	}
}

// Whatever comes in whatever order: inputs are kept in order and without holes, what is acknowledged is forgotten, and
// every byte is credited once, to the socket that it came from, unless that is gone.
func TestInputQueueKeepsItsBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q inputQueue
		link := messages.LinkID(1)
		owed := map[messages.LinkID]int{}
		credit := func(to messages.LinkID, bytes int) { owed[to] -= bytes }
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				bytes := rapid.IntRange(1, 100).Draw(t, "bytes")
				seq := rapid.Uint64Range(0, q.last+2).Draw(t, "seq")
				if _, verdict := q.add(line(seq), link, bytes); verdict == inputAccepted {
					owed[link] += bytes
				}
			},
			"acknowledge": func(t *rapid.T) {
				seq, given := rapid.Uint64Range(0, q.last+2).Draw(t, "seq"), q.given
				if news := q.acknowledge(seq, credit); news != (min(seq, q.last) > given) {
					t.Fatalf("acknowledging %d after %d is news: %t", seq, given, news)
				}
			},
			"another socket": func(*rapid.T) {
				q.release()
				delete(owed, link)
				link++
			},
			"": func(t *rapid.T) {
				if uint64(len(q.entries)) != q.last-q.given {
					t.Fatalf("%d entries from %d to %d", len(q.entries), q.given+1, q.last)
				}
				bytes, ofLink := 0, 0
				for i, entry := range q.entries {
					if entry.data.Seq != q.given+1+uint64(i) {
						t.Fatalf("entry %d is input %d", i, entry.data.Seq)
					}
					bytes += entry.bytes
					if entry.link == link {
						ofLink += entry.bytes
					}
				}
				if bytes != q.bytes || ofLink != owed[link] {
					t.Fatalf("counts %d bytes of %d and owes %d of %d", q.bytes, bytes, owed[link], ofLink)
				}
				for to, bytes := range owed {
					if to != link && bytes != 0 {
						t.Fatalf("socket %d is owed %d bytes", to, bytes)
					}
				}
			},
		})
	})
}

func TestAttachFindsWhereTheClientStands(t *testing.T) {
	tests := []struct {
		name  string
		hello wire.Hello
		sent  uint64
		acked uint64
	}{
		{"one that acknowledges says it", wire.Hello{Acks: true, LastSeq: 7}, 7, 5},
		{"from the beginning, if it has seen nothing", wire.Hello{Acks: true}, 0, 0},
		{"one that does not may say it as well", wire.Hello{LastSeq: 6}, 6, 5},
		{"or has read what was written to its socket", wire.Hello{}, 5, 5},
		{"nobody has seen what was not said yet", wire.Hello{Acks: true, LastSeq: 99}, 9, 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := outputCursor{seen: 9, sent: 8, acked: 5, resuming: true}
			c.attach(test.hello)
			if c.sent != test.sent || c.acked != test.acked || c.resuming {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestOutputsGoOnInOrder(t *testing.T) {
	c := outputCursor{seen: 3, sent: 3}
	steps := []struct {
		seq  uint64
		want outputVerdict
	}{
		{4, outputSend}, {4, outputDuplicate}, {2, outputDuplicate}, {5, outputSend},
		{7, outputReplay}, {8, outputHole}, {9, outputHole}, // 6 is missing: one replay is asked for
		{6, outputSend}, {7, outputSend}, {8, outputSend}, {9, outputSend},
		{11, outputReplay}, // and another one for another hole
	}
	for i, step := range steps {
		if got := c.next(step.seq); got != step.want {
			t.Fatalf("step %d: output %d is %d, want %d", i, step.seq, got, step.want)
		}
	}
	if c.seen != 11 || c.sent != 9 {
		t.Errorf("%+v", c)
	}
}

func TestGapsTellOnlyOfWhatWasNotSent(t *testing.T) {
	tests := []struct {
		name   string
		gap    wire.Gap
		want   wire.Gap
		isNext bool
	}{
		{"the next outputs are gone", wire.Gap{From: 6, To: 8}, wire.Gap{From: 6, To: 8}, true},
		{"some of them were under way and came", wire.Gap{From: 4, To: 8}, wire.Gap{From: 6, To: 8}, true},
		{"all of them came", wire.Gap{From: 4, To: 5}, wire.Gap{}, false},
		{"something before it is missing", wire.Gap{From: 7, To: 8}, wire.Gap{}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := outputCursor{seen: 5, sent: 5, resuming: true}
			got, isNext := c.skip(test.gap)
			if got != test.want || isNext != test.isNext {
				t.Errorf("%+v, %t", got, isNext)
			}
			if isNext && (c.sent != test.gap.To || c.seen != test.gap.To || c.resuming) {
				t.Errorf("%+v", c)
			}
		})
	}
}

// A client on a socket is told each output once and in order, whatever bridges send and however often; and acknowledged,
// sent and seen stay in that order.
func TestOutputCursorTellsEachOutputOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c outputCursor
		told := uint64(0)
		seqs := rapid.Uint64Range(1, 40)
		t.Repeat(map[string]func(*rapid.T){
			"output": func(t *rapid.T) {
				seq := seqs.Draw(t, "seq")
				if c.next(seq) == outputSend {
					if seq != told+1 {
						t.Fatalf("output %d is sent after %d", seq, told)
					}
					told = seq
				}
			},
			"gap": func(t *rapid.T) {
				from := seqs.Draw(t, "from")
				gap := wire.Gap{From: from, To: from + rapid.Uint64Range(0, 5).Draw(t, "more")}
				if trimmed, isNext := c.skip(gap); isNext {
					if trimmed.From != told+1 || trimmed.To != gap.To {
						t.Fatalf("gap %+v is told after %d", trimmed, told)
					}
					told = gap.To
				}
			},
			"ack": func(t *rapid.T) { c.acknowledge(seqs.Draw(t, "seq")) },
			"another socket": func(t *rapid.T) {
				c.attach(wire.Hello{
					Acks: rapid.Bool().Draw(t, "acks"), LastSeq: rapid.Uint64Range(0, 45).Draw(t, "lastSeq"),
				})
				told = c.sent
			},
			"": func(t *rapid.T) {
				if c.acked > c.sent || c.sent > c.seen || c.sent != told {
					t.Fatalf("%+v after %d was told", c, told)
				}
			},
		})
	})
}

// Every byte of a bridge's socket that goes to a client is credited once: as it is written, or when the client is gone.
func TestEveryUnreadByteIsCreditedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c outputCursor
		link, owed, written := messages.LinkID(1), 0, uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"output": func(t *rapid.T) {
				bytes := rapid.IntRange(1, 100).Draw(t, "bytes")
				c.next(c.sent + 1)
				c.charge(link, bytes)
				owed += bytes
			},
			"written": func(t *rapid.T) {
				if written == c.sent {
					t.Skip("everything was written")
				}
				written = rapid.Uint64Range(written+1, c.sent).Draw(t, "seq")
				owed -= c.written(written, rapid.IntRange(0, 300).Draw(t, "bytes"))
				if written == c.sent && owed != 0 {
					t.Fatalf("all is written and %d bytes are owed", owed)
				}
			},
			"the client leaves": func(t *rapid.T) {
				of, bytes := c.discard()
				if owed > 0 && of != link {
					t.Fatalf("bytes of link %d are credited to %d", link, of)
				}
				if owed -= bytes; owed != 0 {
					t.Fatalf("%d bytes are owed after the client left", owed)
				}
			},
			"another bridge's socket": func(*rapid.T) {
				link++
				owed = 0 // nobody can credit a socket that is gone
				c.charge(link, 0)
			},
			"": func(t *rapid.T) {
				if owed != c.unread {
					t.Fatalf("%d bytes are owed, %d are counted", owed, c.unread)
				}
			},
		})
	})
}

// TestInputsHoldToTheBridgesLimit: what is too large is not accepted, or not any more, and the next that is accepted has the
// number that it had.
func TestInputsHoldToTheBridgesLimit(t *testing.T) {
	input := func(seq uint64, size int) wire.Data { return wire.Data{Seq: seq, Payload: make([]byte, size)} }
	credited := 0
	credit := func(_ messages.LinkID, bytes int) { credited += bytes }
	var q inputQueue
	for seq, size := range []int{10, 90, 20} {
		if _, verdict := q.add(input(uint64(seq)+1, size), 5, size); verdict != inputAccepted {
			t.Fatalf("input %d: %v", seq+1, verdict)
		}
	}
	if q.limit(100, credit) {
		t.Error("all are small enough for 100")
	}
	if !q.limit(50, credit) || len(q.entries) != 1 || q.last != 1 || credited != 110 || q.bytes != 10 {
		t.Errorf("after the limit %+v, credited %d", q, credited)
	}
	if _, verdict := q.add(input(2, 51), 5, 51); verdict != inputTooLarge {
		t.Errorf("51 of 50 bytes: %v", verdict)
	}
	if seq, verdict := q.add(input(2, 50), 5, 50); verdict != inputAccepted || seq != 2 {
		t.Errorf("50 of 50 bytes: %d, %v", seq, verdict)
	}
}
