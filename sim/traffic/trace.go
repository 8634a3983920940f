package traffic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"
)

// Trace is a file of recorded arrivals that has been looked through: it can be read, its numbers have one meaning, and its
// length and rate are known. It is a Load.
type Trace struct {
	recording Recording
	path      string
	// content is what standard input had; nil for a file.
	content []byte
	about   Description
	begins  time.Time
	length  time.Duration
	stays   sample
}

// largestInput bounds what is read from standard input, which is kept.
const largestInput = 1 << 30

// OpenTrace looks a file through; "-" is standard input, which is read from stdin to its end. Its errors name the file, and
// what is wrong in which row.
func OpenTrace(path string, recording Recording, stdin io.Reader) (*Trace, error) {
	t := &Trace{recording: recording, path: path}
	if path == "-" {
		content, err := io.ReadAll(io.LimitReader(stdin, largestInput+1))
		if err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		if len(content) > largestInput {
			return nil, fmt.Errorf("standard input has over %d bytes: give a file", largestInput)
		}
		t.content = content
	}
	if err := t.decideUnit(); err != nil {
		return nil, t.wrong(err)
	}
	if err := t.survey(); err != nil {
		return nil, t.wrong(err)
	}
	return t, nil
}

// wrong names the file in an error, once.
func (t *Trace) wrong(err error) error {
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return err
	case t.path == "-":
		return fmt.Errorf("standard input: %w", err)
	}
	return fmt.Errorf("%s: %w", t.path, err)
}

// bytes opens the file.
func (t *Trace) bytes() (io.ReadCloser, error) {
	if t.content != nil {
		return io.NopCloser(bytes.NewReader(t.content)), nil
	}
	return os.Open(t.path)
}

// survey reads the whole file as it is going to be played.
func (t *Trace) survey() error {
	file, err := t.bytes()
	if err != nil {
		return err
	}
	defer file.Close() // it was only read
	digest := sha256.New()
	hashed := io.TeeReader(file, digest)
	source, err := t.recording.read(hashed)
	if err != nil {
		return err
	}
	arrivals := 0
	for {
		arrival, err := source.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		arrivals++
		t.length = arrival.At
		t.stays.add(arrival.Stay)
	}
	if _, err := io.Copy(io.Discard, hashed); err != nil {
		return err
	}
	t.about = Description{
		Kind: "recorded", File: t.path, SHA256: hex.EncodeToString(digest.Sum(nil)), Arrivals: arrivals,
		Hours: t.length.Hours(), Every: source.every, TimeScale: source.stretch, Column: source.name, Unit: source.parse.unit,
		SessionColumn: t.recording.Sessions,
	}
	if source.parse.epoch {
		t.begins = time.Unix(0, source.first).UTC()
		t.about.Begins = t.begins.Format(time.RFC3339)
	}
	if t.length > 0 {
		t.about.PerMinute = float64(arrivals) / t.length.Minutes()
	}
	return nil
}

// Open begins the traffic from its first arrival. Its random numbers are not used: a recording is one sample.
func (t *Trace) Open(*rand.Rand) (Source, error) {
	file, err := t.bytes()
	if err != nil {
		return nil, err
	}
	source, err := t.recording.read(file)
	if err != nil {
		return nil, errors.Join(t.wrong(err), file.Close())
	}
	return &openTrace{trace: t, source: source, file: file}, nil
}

// openTrace is a recording that is being read.
type openTrace struct {
	trace  *Trace
	source Source
	file   io.Closer
}

// Next returns the next arrival. An error names the file, the row and what is wrong with it.
func (o *openTrace) Next() (Arrival, error) {
	arrival, err := o.source.Next()
	if err != nil && err != io.EOF {
		return Arrival{}, o.trace.wrong(err)
	}
	return arrival, err
}

// Close closes the file.
func (o *openTrace) Close() error { return o.file.Close() }

// Before has requests come at the recording's mean rate in the time before it, with session lengths of the recording: nobody
// knows what that time was like.
func (t *Trace) Before(random *rand.Rand, _ time.Duration) (Source, error) {
	if t.about.PerMinute == 0 {
		return Until(&poisson{random: random, rate: 1}, 0), nil
	}
	return &before{Source: &poisson{random: random, rate: t.about.PerMinute / 60}, stays: t.stays.kept, random: random}, nil
}

// before gives arrivals the lengths of sessions that were recorded.
type before struct {
	Source
	stays  []time.Duration
	random *rand.Rand
}

// Next returns the next arrival.
func (b *before) Next() (Arrival, error) {
	arrival, err := b.Source.Next()
	if err == nil && len(b.stays) > 0 {
		arrival.Stay = b.stays[b.random.IntN(len(b.stays))]
	}
	return arrival, err
}

// MeanStay is the mean length of the recorded sessions; 0 when no column has them.
func (t *Trace) MeanStay() time.Duration {
	if t.recording.Sessions == "" {
		return 0
	}
	return t.stays.mean()
}

// sample keeps every so manyth of any number of lengths.
type sample struct {
	kept        []time.Duration
	count, step int
	sum         float64
}

// sampled bounds a sample.
const sampled = 10_000

func (s *sample) add(d time.Duration) {
	if d == 0 {
		return // nobody said
	}
	s.sum += float64(d)
	if s.step = max(1, s.step); s.count%s.step == 0 {
		s.kept = append(s.kept, d)
	}
	s.count++
	if len(s.kept) == sampled {
		for i := range sampled / 2 {
			s.kept[i] = s.kept[2*i]
		}
		s.kept, s.step = s.kept[:sampled/2], 2*s.step
	}
}

func (s *sample) mean() time.Duration { return time.Duration(s.sum / float64(max(1, s.count))) }

// Faster is the same recording in less time.
func (t *Trace) Faster(by float64) Load {
	faster := *t
	if faster.recording.Stretch == 0 {
		faster.recording.Stretch = 1
	}
	faster.recording.Stretch /= by
	faster.length = time.Duration(float64(t.length) / by)
	faster.about.TimeScale, faster.about.Hours, faster.about.PerMinute = faster.recording.Stretch, faster.length.Hours(), t.about.PerMinute*by
	return &faster
}

// Length is the time from the first arrival to the last.
func (t *Trace) Length() time.Duration { return t.length }

// Describe says what is played. A recording begins at its time of the week in UTC; a stretched one has no hours of the day, nor
// has one that counts from its own beginning.
func (t *Trace) Describe() Description {
	about := t.about
	if !t.begins.IsZero() && about.TimeScale == 1 {
		weekday := (int(t.begins.Weekday()) + 6) % 7 // from Monday on
		about.week, about.weekKnown = time.Duration(weekday)*day+t.begins.Sub(t.begins.Truncate(day)), true
	}
	return about
}
