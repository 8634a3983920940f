package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"hearth/sim/run"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Page is a report that holds everything it needs: no script, no font and no picture from elsewhere. It is light or dark
// as its reader's system is.
type Page struct {
	Title, Lead string
	Tiles       []Tile
	Sections    []Section
	Foot        []string
}

// Tile is one figure, large.
type Tile struct{ Name, Value string }

// Section is a table or a picture under a heading.
type Section struct {
	Heading string
	Table   *Table
	Picture template.HTML
}

// HTML writes the page.
func (p *Page) HTML(w io.Writer) error { return pageTemplate.Execute(w, p) }

// Draw adds the charts.
func (p *Page) Draw(charts []Chart) {
	for i := range charts {
		// SVG escapes every text that it puts in.
		p.Sections = append(p.Sections, Section{Heading: charts[i].Title, Picture: template.HTML(charts[i].SVG())})
	}
}

// Tabulate adds a table.
func (p *Page) Tabulate(heading string, table *Table) {
	p.Sections = append(p.Sections, Section{Heading: heading, Table: table})
}

// RunPage is the page of one run.
func RunPage(r *run.Result) *Page {
	page := &Page{
		Title: "Simulated run",
		Lead:  fmt.Sprintf("%s requests in %s; %s", count(r.Requests), hours(r.Hours), pool(r.Config)),
		Tiles: []Tile{
			{"hit rate", percent(float64(r.HitRate))},
			{"p99 wait for a task", millis(r.WaitMs.P99)},
			{"p99 from hello to ready", millis(r.ReadyMs.P99)},
			{"failures", count(r.Failures)},
			{"this time", money(r.Cost)},
			{"a month", money(r.MonthlyCost)},
			{"of it for idle tasks", money(r.MonthlyIdleCost)},
		},
	}
	waits := &Table{Columns: timeColumns}
	waits.Add(summaryRow("waited for a task", r.WaitMs)...)
	waits.Add(summaryRow("hello to ready", r.ReadyMs)...)
	page.Tabulate("Times", waits)
	page.Draw(RunCharts(r))
	paths := &Table{Columns: []string{"", "requests"}}
	paths.Add("found a task ready", count(r.Paths.Instant))
	paths.Add("waited for a task", count(r.Paths.Waited))
	paths.Add("waited for a host from the warm pool", count(r.Paths.WarmHost))
	paths.Add("waited for a cold host", count(r.Paths.ColdHost))
	paths.Add("failed "+counted("(", r.FailureReasons, ")"), count(r.Failures))
	paths.Add("not warm because "+counted("", r.WhyCold, ""), count(r.Requests-r.Hits))
	for _, note := range notes(r) {
		paths.Add(note, "")
	}
	page.Tabulate("Paths", paths)
	if len(r.ByHour) > 1 {
		page.Tabulate("By hour", byHour(r))
	}
	costs := &Table{Columns: []string{"", "all", "idle"}}
	costs.Add("task-hours", fmt.Sprintf("%.1f", r.TaskHours), fmt.Sprintf("%.1f", r.IdleTaskHours))
	costs.Add("host-hours", fmt.Sprintf("%.1f", r.HostHours), "")
	costs.Add("a month", money(r.MonthlyCost), money(r.MonthlyIdleCost))
	page.Tabulate("Cost", costs)
	return page
}
