package traffic_test

import (
	"bytes"
	"compress/gzip"
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
		at, err := source.Next()
		if err == io.EOF {
			return times, nil
		}
		if err != nil {
			return times, err
		}
		times = append(times, at)
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
		file, err := traffic.Recording{}.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		times, err := all(file)
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
		"relative seconds":  {text: "Time(s),x\n0,1\n0.25,1\n1e1,1\n", want: []time.Duration{0, 250 * milli, 10 * second}},
		"relative ms":       {text: "x,time_ms\n,5\n,15\n", want: []time.Duration{0, 10 * milli}},
		"bracketed":         {text: "TIMESTAMP [us]\n-5\n5\n", want: []time.Duration{0, 10 * time.Microsecond}},
		"quoted and marked": {text: "\ufeff\"time\"\r\n\"1\"\r\n\"2\"\r\n", want: []time.Duration{0, second}},
		"timestamp first":   {text: "time,timestamp\n9,1\n8,2\n", want: []time.Duration{0, second}},
		"same instant":      {text: "time\n1\n1\n1\n", want: []time.Duration{0, 0, 0}},
		"one arrival":       {text: "time\n1", want: []time.Duration{0}},
		"named column":      {traffic.Recording{Column: "Arrived"}, "time,arrived\n9,1\n8,2\n", []time.Duration{0, second}},
		"named exactly":     {traffic.Recording{Column: "B"}, "b,B\n9,1\n8,2\n", []time.Duration{0, second}},
		"unit of named":     {traffic.Recording{Column: "at_ms"}, "at_ms\n1\n2\n", []time.Duration{0, milli}},
		"unit by flag":      {traffic.Recording{Unit: "ns"}, "time\n1\n2\n", []time.Duration{0, 1}},
		"every third":       {traffic.Recording{Every: 3}, "time\n0\n1\n2\n3\n4\n5\n6\n", []time.Duration{0, 3 * second, 6 * second}},
		"stretched":         {traffic.Recording{Stretch: 2.5}, "time\n0\n1\n2\n", []time.Duration{0, 2500 * milli, 5 * second}},
		"squeezed":          {traffic.Recording{Stretch: 0.5}, "time\n0\n1\n", []time.Duration{0, 500 * milli}},
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

// TestOpenErrors: an error about a file names it.
func TestOpenErrors(t *testing.T) {
	if _, err := (traffic.Recording{}).Open("testdata/none.csv"); err == nil || !strings.Contains(err.Error(), "none.csv") {
		t.Errorf("no such file: %v", err)
	}
	if _, err := (traffic.Recording{}).Open("testdata"); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory: %v", err)
	}
	path := t.TempDir() + "/bad.csv"
	if err := os.WriteFile(path, []byte("time\n1\n0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := traffic.Recording{}.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := all(file); err == nil || !strings.Contains(err.Error(), "bad.csv: row 3") {
		t.Errorf("unsorted: %v", err)
	}
}
