package bridge

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hearth/messages/wire"
)

func numbered(seq uint64) json.RawMessage { return json.RawMessage(fmt.Sprint(seq)) }

func output(seq uint64) wire.Data { return wire.Data{Payload: numbered(seq)} }

func data(seq uint64) wire.Frame { return wire.Data{Seq: seq, Payload: numbered(seq)} }

func TestReplayAfter(t *testing.T) {
	// Outputs 11 to 15 were produced, 11 and 12 are forgotten.
	r := newReplay(10)
	for seq := uint64(11); seq <= 15; seq++ {
		r.add(output(seq))
	}
	r.forget(12)
	for _, c := range []struct {
		after uint64
		want  wire.Frame
		at    uint64
	}{
		{0, wire.Gap{From: 1, To: 12}, 12},
		{10, wire.Gap{From: 11, To: 12}, 12},
		{11, wire.Gap{From: 12, To: 12}, 12},
		{12, data(13), 13},
		{14, data(15), 15},
		{15, nil, 15},
		{99, nil, 99},
	} {
		if got, at := r.after(c.after); !reflect.DeepEqual(got, c.want) || at != c.at {
			t.Errorf("after %d: %+v at %d, want %+v at %d", c.after, got, at, c.want, c.at)
		}
	}
	r.forget(99)
	if r.last() != 15 || r.bytes != 0 {
		t.Errorf("after forgetting everything: last %d, %d bytes", r.last(), r.bytes)
	}
}

// TestReplayAgainstModel plays a producer, a reader that comes and goes, and acks. The reader must see every output once
// and in order, as itself or in a gap, and a gap only where outputs were dropped or acknowledged.
func TestReplayAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 5 * (2 + entryOverhead)
		last := rapid.Uint64Range(0, 50).Draw(t, "last")
		mode := rapid.SampledFrom([]OverflowMode{OverflowPause, OverflowDrop}).Draw(t, "mode")
		o := newOutbox(last, limit, mode)
		cur := o.attach(newBell(), last)
		produced, acked, seen := last, last, last
		t.Repeat(map[string]func(*rapid.T){
			"produce": func(t *rapid.T) {
				if mode == OverflowPause && !o.kept.fits(len(numbered(produced+1)), limit) {
					t.Skip("it would wait")
				}
				produced++
				if !o.put(output(produced)) {
					t.Fatal("refused")
				}
			},
			"read": func(t *rapid.T) {
				switch f := o.next(&cur).(type) {
				case nil:
					if seen != produced {
						t.Fatalf("nothing to read after %d, but %d was produced", seen, produced)
					}
				case wire.Data:
					if f.Seq != seen+1 || string(f.Payload) != fmt.Sprint(f.Seq) {
						t.Fatalf("read %d %s after %d", f.Seq, f.Payload, seen)
					}
					seen = f.Seq
				case wire.Gap:
					if f.From != seen+1 || f.To < f.From || f.To > produced {
						t.Fatalf("gap %+v after %d of %d", f, seen, produced)
					}
					if mode == OverflowPause && f.To > acked {
						t.Fatalf("gap %+v without drop, acked up to %d", f, acked)
					}
					seen = f.To
				}
			},
			"ack": func(t *rapid.T) {
				acked = max(acked, min(produced, rapid.Uint64Range(0, produced+2).Draw(t, "seq")))
				o.ack(acked)
			},
			"resume": func(t *rapid.T) {
				seen = rapid.Uint64Range(0, produced).Draw(t, "from")
				cur = o.attach(newBell(), seen)
			},
			"": func(t *rapid.T) {
				if o.last() != produced {
					t.Fatalf("last %d, want %d", o.last(), produced)
				}
				if o.kept.bytes > limit {
					t.Fatalf("%d bytes kept, limit %d", o.kept.bytes, limit)
				}
				if o.settled() && acked != produced && mode == OverflowPause {
					t.Fatalf("settled at ack %d of %d", acked, produced)
				}
			},
		})
	})
}

func TestOutboxPausesUntilThereIsRoom(t *testing.T) {
	o := newOutbox(0, 2*(1+entryOverhead), OverflowPause)
	o.put(output(1))
	o.put(output(2))
	third := make(chan bool)
	go func() { third <- o.put(output(3)) }()
	select {
	case <-third:
		t.Fatal("a third output found room")
	case <-time.After(20 * time.Millisecond):
	}
	o.ack(1)
	if !<-third {
		t.Error("the third output was refused")
	}

	go func() { third <- o.put(output(4)) }()
	o.close()
	if <-third {
		t.Error("a closed outbox took an output")
	}
}

func TestOutboxTakesWhatIsLargerThanItself(t *testing.T) {
	for _, mode := range []OverflowMode{OverflowPause, OverflowDrop} {
		o := newOutbox(0, 10, mode)
		if !o.put(wire.Data{Payload: json.RawMessage(`"more than ten bytes"`)}) {
			t.Errorf("%s: refused", mode)
		}
	}
}

func TestExitComesLastAndOncePerReader(t *testing.T) {
	o := newOutbox(0, 1<<10, OverflowPause)
	cur := o.attach(newBell(), 0)
	o.put(output(1))
	o.finish(wire.Exit{Code: 3})
	for _, want := range []wire.Frame{data(1), wire.Exit{Code: 3}, nil} {
		if got := o.next(&cur); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	cur = o.attach(newBell(), 1)
	if got := o.next(&cur); !reflect.DeepEqual(got, wire.Exit{Code: 3}) {
		t.Errorf("the next reader got %+v", got)
	}
}
