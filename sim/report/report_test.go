package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"

	"hearth/sim/run"
)

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1,000", count(2_600_000): "2,600,000",
		percent(1): "100 %", percent(0): "0.00 %", percent(0.5): "50.00 %", percent(0.995): "99.500 %",
		percent(0.99987): "99.9870 %", percent(0.99999999): "> 99.999 %",
		millis(0): "0", millis(0.5): "0.50 ms", millis(260): "260 ms", millis(2500): "2.50 s", millis(90_000): "1.5 min",
		millis(7_200_000): "2.0 h",
		money(15.184):     "$15.18", hours(8): "8 h", hours(240): "10 days", hours(8760): "1 years",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTable(t *testing.T) {
	table := &Table{Columns: []string{"name", "n"}}
	table.Add("a", "1,000")
	table.Add("b \"c\", d", "2")
	var text, sheet bytes.Buffer
	if err := table.Text(&text); err != nil {
		t.Fatal(err)
	}
	if want := "name          n\na         1,000\nb \"c\", d      2\n"; text.String() != want {
		t.Errorf("%q", text.String())
	}
	if err := table.CSV(&sheet); err != nil {
		t.Fatal(err)
	}
	if want := "name,n\na,\"1,000\"\n\"b \"\"c\"\", d\",2\n"; sheet.String() != want {
		t.Errorf("%q", sheet.String())
	}
}

// TestSVG: a drawing is well-formed, whatever is in its texts and values.
func TestSVG(t *testing.T) {
	for _, chart := range []Chart{
		{Title: `<a & "b">`, X: "x<", Y: "y&", Lines: []Line{{Name: "<l>", X: []float64{1, 2}, Y: []float64{0, 1e9}, Dots: true}}},
		{Title: "log", Log: true, Ticks: []Tick{{0, "<p50>"}, {1, "max"}}, Lines: []Line{{X: []float64{0, 1}, Y: []float64{0, 12345}, Dots: true}}},
		{Title: "nothing"},
		{Title: "one point", Lines: []Line{{X: []float64{5}, Y: []float64{5}}}},
	} {
		decoder := xml.NewDecoder(strings.NewReader(chart.SVG()))
		for {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v in %s", chart.Title, err, chart.SVG())
			}
		}
		if err := PNG(io.Discard, []Chart{chart}, []string{"foot"}); err != nil {
			t.Errorf("%s: %v", chart.Title, err)
		}
	}
}

// TestAxis: ticks are round, few, and cover the values.
func TestAxis(t *testing.T) {
	for _, c := range [][2]float64{{0, 1}, {0, 3}, {0, 17}, {75, 100}, {99.9, 100}, {2160.03, 2182.95}, {5, 5}, {0, 1e9}, {-3, 4}} {
		a := newAxis(c[0], c[1], 0)
		if a.low > c[0] || a.high < c[1]-1e-9 || len(a.ticks) < 3 || len(a.ticks) > 9 {
			t.Errorf("%v: from %g to %g with ticks %v", c, a.low, a.high, a.ticks)
		}
	}
}

// TestEmptyRun: a run without a single request has a report in every form.
func TestEmptyRun(t *testing.T) {
	r := &run.Result{HitRate: run.Share(math.NaN()), Config: run.Echo{OfPeriod: 1}, PoolNeeded: []run.Needed{{PoolMin: 3, HitRate: 1}}}
	if err := Run(io.Discard, r); err != nil {
		t.Error(err)
	}
	if err := RunPage(r).HTML(io.Discard); err != nil {
		t.Error(err)
	}
	if err := PNG(io.Discard, RunCharts(r), nil); err != nil {
		t.Error(err)
	}
}
