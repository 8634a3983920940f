package traffic_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hearth/sim/traffic"
)

// all reads a source to its end.
func all(source traffic.Source) ([]time.Duration, error) {
	var times []time.Duration
	for {
		arrival, err := source.Next()
		if err == io.EOF {
			return times, nil
		}
		if err != nil {
			return times, err
		}
		times = append(times, arrival.At)
	}
}

// TestRecordedTrace reads the real trace, as it is and gzipped.
func TestRecordedTrace(t *testing.T) {
	const path = "testdata/azure_llm_code_2023.csv.gz"
	for _, plain := range []bool{false, true} {
		name := path
		if plain {
			name = unzip(t, path)
		}
		times, err := all(openFile(t, name, traffic.Recording{}))
		if err != nil {
			t.Fatal(err)
		}
		if len(times) != 8819 || times[0] != 0 || times[1] != 52*time.Millisecond || times[8818] != 57*time.Minute+15948056*time.Microsecond {
			t.Errorf("%d arrivals: %v, %v ... %v", len(times), times[0], times[1], times[len(times)-1])
		}
	}
}

func unzip(t *testing.T, path string) string {
	t.Helper()
	packed, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	inner, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(inner)
	if err != nil {
		t.Fatal(err)
	}
	plain := t.TempDir() + "/plain.csv"
	if err := os.WriteFile(plain, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestTimes: every way of writing a time, and where the column is.
func TestTimes(t *testing.T) {
	second, milli := time.Second, time.Millisecond
	for name, c := range map[string]struct {
		recording traffic.Recording
		text      string
		want      []time.Duration
	}{
		"RFC 3339": {
			text: "time\n2025-01-01T10:00:00Z\n2025-01-01T12:00:01.5+02:00\n",
			want: []time.Duration{0, 1500 * milli},
		},
		"spaced": {
			text: "ID,TimeStamp\na,2025-01-01 10:00:00\nb,2025-01-01 10:00:00.0000001\nc,2025-01-01 10:00:01.25\n",
			want: []time.Duration{0, 100, 1250 * milli},
		},
		"epoch seconds": {
			text: "timestamp\n1700000000\n1700000000.000001\n1700000002\n", want: []time.Duration{0, 1000, 2 * second},
		},
		"epoch milliseconds": {
			text: "timestamp\n1700000000123\n1700000000124.5\n", want: []time.Duration{0, 1500 * time.Microsecond},
		},
		"relative seconds":        {text: "Time(s),x\n0,1\n0.25,1\n1e1,1\n", want: []time.Duration{0, 250 * milli, 10 * second}},
		"relative ms":             {text: "x,time_ms\n,5\n,15\n", want: []time.Duration{0, 10 * milli}},
		"bracketed":               {text: "TIMESTAMP [us]\n-5\n5\n", want: []time.Duration{0, 10 * time.Microsecond}},
		"quoted and marked":       {text: "\ufeff\"time\"\r\n\"1\"\r\n\"2\"\r\n", want: []time.Duration{0, second}},
		"timestamp first":         {text: "time,timestamp\n9,1\n8,2\n", want: []time.Duration{0, second}},
		"same instant":            {text: "time\n1\n1\n1\n", want: []time.Duration{0, 0, 0}},
		"one arrival":             {text: "time\n1", want: []time.Duration{0}},
		"named column":            {traffic.Recording{Column: "Arrived"}, "time,arrived\n9,1\n8,2\n", []time.Duration{0, second}},
		"named exactly":           {traffic.Recording{Column: "B"}, "b,B\n9,1\n8,2\n", []time.Duration{0, second}},
		"unit of named":           {traffic.Recording{Column: "at_ms"}, "at_ms\n1\n2\n", []time.Duration{0, milli}},
		"unit by flag":            {traffic.Recording{Unit: "ns"}, "time\n1\n2\n", []time.Duration{0, 1}},
		"every third":             {traffic.Recording{Every: 3}, "time\n0\n1\n2\n3\n4\n5\n6\n", []time.Duration{0, 3 * second, 6 * second}},
		"semicolons":              {text: "a;time (s)\nx;1,5\ny;2,25\n", want: []time.Duration{0, 750 * milli}},
		"tabs":                    {text: "a\ttime\nx\t1\ny\t3\n", want: []time.Duration{0, 2 * second}},
		"decimal comma in quotes": {text: "time_s,a\n\"1,5\",x\n\"2,5\",y\n", want: []time.Duration{0, second}},
		"minutes":                 {text: "time\n2024-01-01 10:00\n2024-01-01 10:05\n", want: []time.Duration{0, 300 * second}},
		"offsets":                 {text: "time\n2024-01-01T10:00:00+0100\n2024-01-01T10:00:01.5+0100\n2024-01-01T10:00:02Z\n", want: []time.Duration{0, 1500 * milli, 3602 * second}},
		"spaced offsets":          {text: "time\n2024-01-01 10:00:00 +0000 UTC\n2024-01-01 10:00:00.5 +0000 UTC\n", want: []time.Duration{0, 500 * milli}},
		"JSON lines":              {text: "{\"id\": [1, 2], \"timestamp_ms\": 5}\n\n{\"timestamp_ms\": \"7\", \"other\": null}\n", want: []time.Duration{0, 2 * milli}},
		"stretched":               {traffic.Recording{Stretch: 2.5}, "time\n0\n1\n2\n", []time.Duration{0, 2500 * milli, 5 * second}},
		"squeezed":                {traffic.Recording{Stretch: 0.5}, "time\n0\n1\n", []time.Duration{0, 500 * milli}},
	} {
		for _, packed := range []bool{false, true} {
			source, err := c.recording.Read(input(t, c.text, packed))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			times, err := all(source)
			if err != nil || !slices.Equal(times, c.want) {
				t.Errorf("%s: %v, %v, want %v", name, times, err, c.want)
			}
		}
	}
}

func input(t *testing.T, text string, packed bool) io.Reader {
	t.Helper()
	if !packed {
		return strings.NewReader(text)
	}
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	if _, err := writer.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return &buffer
}

// TestBadInput: the error says which row and why.
func TestBadInput(t *testing.T) {
	gzipped := func(text string) string {
		all, err := io.ReadAll(input(t, text, true))
		if err != nil {
			t.Fatal(err)
		}
		return string(all)
	}
	whole := gzipped("time\n" + strings.Repeat("1\n", 1000))
	for name, c := range map[string]struct {
		recording traffic.Recording
		text      string
		want      string
	}{
		"empty":           {text: "", want: "the file is empty: it needs a header"},
		"only a header":   {text: "time\n", want: "a header and no arrivals"},
		"unknown column":  {text: "id,when\n1,2\n", want: `row 1: there is no column timestamp or time; name one of the columns "id", "when"`},
		"unnamed column":  {traffic.Recording{Column: "x"}, "id,when\n1,2\n", `row 1: there is no column "x"; the columns are "id", "when"`},
		"timeout no time": {text: "timeout,timems\n1,2\n", want: "there is no column timestamp or time"},
		"unsorted":        {text: "time\n1\n3\n2.5\n", want: "row 4: time is before the row above it, by 500ms"},
		"malformed":       {text: "time\n1\nsoon\n", want: `row 3: time "soon" is no time`},
		"malformed first": {text: "time\n12:30\n", want: `row 2: time "12:30" is no time`},
		"nothing":         {text: "a,time\n1,1\n2,\n", want: `row 3: time "" is no time`},
		"another way":     {text: "time\n2025-01-01 10:00:00\n1735725601\n", want: `row 3: time "1735725601" is not written like the times above`},
		"no such day":     {text: "time\n2025-02-30 10:00:00\n", want: "row 2: time"},
		"not a number":    {text: "time\nNaN\n", want: `row 2: time "NaN" is no time`},
		"thousands":       {text: "a,time_s\nx,\"1,234\"\n", want: `row 2: time_s "1,234" is no time`},
		"not JSON":        {text: "{\"time\": 1}\n{\n", want: "row 2: not JSON"},
		"JSON without":    {text: "{\"time\": 1}\n{\"tim\": 2}\n", want: `row 2: time "" is no time`},
		"ragged":          {text: "a,time\n1,1\n2\n", want: "row 3: not CSV: wrong number of fields"},
		"bare quote":      {text: "time\n1\n2\"3\n", want: "row 3: not CSV"},
		"thousand years":  {text: "time\n1\n4000000000\n", want: "row 3: time is over 100 years after the first arrival"},
		"overflow":        {text: "time\n1e90\n", want: "row 2: time"},
		"stone age":       {text: "time\n0004-01-01 00:00:00\n", want: "between the years"},
		"damaged gzip":    {text: whole[:len(whole)-9], want: "damaged"},
		"negative every":  {traffic.Recording{Every: -1}, "time\n1\n", "negative"},
	} {
		source, err := c.recording.Read(strings.NewReader(c.text))
		if err == nil {
			_, err = all(source)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// openFile looks a file through and begins it.
func openFile(t *testing.T, path string, recording traffic.Recording) traffic.Source {
	t.Helper()
	trace, err := traffic.OpenTrace(path, recording, nil)
	if err != nil {
		t.Fatal(err)
	}
	source, err := trace.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.(io.Closer).Close() })
	return source
}

// openText looks through what standard input has.
func openText(text string, recording traffic.Recording) (*traffic.Trace, error) {
	return traffic.OpenTrace("-", recording, strings.NewReader(text))
}

// TestOpenErrors: an error about a file names it, before anything is played.
func TestOpenErrors(t *testing.T) {
	bad := t.TempDir() + "/bad.csv"
	if err := os.WriteFile(bad, []byte("time\n1\n0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"testdata/none.csv": "none.csv", "testdata": "directory", bad: "bad.csv: row 3",
	} {
		if _, err := traffic.OpenTrace(path, traffic.Recording{}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := openText("time\n1\n0\n", traffic.Recording{}); err == nil || !strings.Contains(err.Error(), "standard input: row 3") {
		t.Errorf("standard input: %v", err)
	}
}

// every writes n arrivals so far apart, in a column.
func every(column string, n int, apart float64) string {
	var text strings.Builder
	fmt.Fprintln(&text, column)
	for i := range n {
		fmt.Fprintf(&text, "%.15g\n", float64(i)*apart)
	}
	return text.String()
}

// TestUnits: a unit is taken only when the others make no sense; otherwise the error has the readings.
func TestUnits(t *testing.T) {
	for name, c := range map[string]struct {
		text, unit string
		length     time.Duration
		refused    []string
	}{
		"five a minute in seconds":           {text: every("timestamp", 100, 12), unit: "s", length: 99 * 12 * time.Second},
		"with fractions":                     {text: every("time", 100, 0.5), unit: "s", length: 49500 * time.Millisecond},
		"five a minute in milliseconds":      {text: every("timestamp", 100, 12e3), unit: "ms", length: 99 * 12 * time.Second},
		"five a minute in microseconds":      {text: every("timestamp", 100, 12e6), unit: "us", length: 99 * 12 * time.Second},
		"five a minute in nanoseconds":       {text: every("timestamp", 100, 12e9), unit: "ns", length: 99 * 12 * time.Second},
		"two a second in milliseconds":       {text: every("timestamp", 9000, 500), refused: []string{"or", "s (9000 arrivals in 52.1 days", "ms (9000 arrivals in 75 minutes", "--time-unit"}},
		"one in three minutes in seconds":    {text: every("timestamp", 2000, 180), refused: []string{"s (2000 arrivals in", "ms (2000 arrivals in"}},
		"one in a billion years":             {text: every("timestamp", 5, 1e22), refused: []string{"row 3", "too large"}},
		"a hundred thousand at once":         {text: every("timestamp", 100000, 0.0001), refused: []string{"seconds (100000 arrivals in 9", "milliseconds (100000 arrivals in"}},
		"microseconds since 1970":            {text: "time\n1700000000000000\n1700000000500000\n", unit: "us", length: 500 * time.Millisecond},
		"nanoseconds since 1970":             {text: "time\n1700000000000000000\n1700000000500000000\n", unit: "ns", length: 500 * time.Millisecond},
		"a few":                              {text: "time\n0\n1\n3\n", unit: "s", length: 3 * time.Second},
		"dates count nothing":                {text: "time\n2024-01-01 10:00\n2024-01-01 10:07\n", length: 7 * time.Minute},
		"milliseconds of a large service":    {text: every("t", 9000, 500), refused: []string{"no column timestamp"}},
		"and as their column's name says it": {text: every("time_ms", 9000, 500), unit: "ms", length: 8999 * 500 * time.Millisecond},
	} {
		trace, err := openText(c.text, traffic.Recording{})
		if len(c.refused) == 0 {
			if err != nil || trace.Describe().Unit != c.unit || trace.Length() != c.length {
				t.Errorf("%s: %v, %+v", name, err, trace)
			}
			continue
		}
		for _, want := range c.refused {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
	told, err := openText(every("timestamp", 9000, 500), traffic.Recording{Unit: "ms"})
	if err != nil || told.Length() != 8999*500*time.Millisecond {
		t.Errorf("a unit that is given: %v", err)
	}
}

// TestTraceAsALoad: what it is, when it begins, and how it gets faster.
func TestTraceAsALoad(t *testing.T) {
	const text = "started_at;length (s)\n2024-01-02 10:00:00+0100;60,5\n2024-01-02 10:30:00+0100;0\n2024-01-02 11:00:00+0100;7\n"
	trace, err := openText(text, traffic.Recording{Column: "started_at", Sessions: "length (s)"})
	if err != nil {
		t.Fatal(err)
	}
	if begins, known := trace.Describe().Week(); !known || begins != 33*time.Hour {
		t.Errorf("it begins at %v of the week", begins)
	}
	about := trace.Describe()
	if about.Arrivals != 3 || about.Hours != 1 || about.Begins != "2024-01-02T09:00:00Z" || len(about.SHA256) != 64 {
		t.Errorf("%+v", about)
	}
	source, err := trace.Faster(2).Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []traffic.Arrival
	for arrival, err := source.Next(); err == nil; arrival, err = source.Next() {
		got = append(got, arrival)
	}
	want := []traffic.Arrival{{0, 60500 * time.Millisecond}, {15 * time.Minute, 1}, {30 * time.Minute, 7 * time.Second}}
	if !slices.Equal(got, want) || trace.Faster(2).Length() != 30*time.Minute {
		t.Errorf("%v", got)
	}
}

// TestSessionColumn: lengths need a unit, too.
func TestSessionColumn(t *testing.T) {
	for text, want := range map[string]string{
		"time,d\n1,2\n":      "row 2: d does not say what its numbers count",
		"time,d_s\n1,-2\n":   `row 2: d_s "-2" is no length`,
		"time,d_s\n1,soon\n": `row 2: d_s "soon" is no length`,
		"time\n1\n":          "there is no column",
	} {
		column := "d"
		if strings.Contains(text, "d_s") {
			column = "d_s"
		}
		if _, err := openText(text, traffic.Recording{Sessions: column}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := openText("time,d\n1,30m\n", traffic.Recording{Sessions: "d"}); err != nil {
		t.Errorf("lengths with units of their own: %v", err)
	}
}
