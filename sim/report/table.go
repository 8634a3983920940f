// Package report shows what simulations came to: as tables for people, as CSV and JSON for scripts, as plots, and as pages
// that hold everything they need.
package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// Table is text in columns. The first column is aligned to the left, the others to the right.
type Table struct {
	Columns []string
	Rows    [][]string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Text writes the table for people.
func (t *Table) Text(w io.Writer) error {
	lines := append([][]string{t.Columns}, t.Rows...)
	var widths []int
	for _, line := range lines {
		for i, cell := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for _, line := range lines {
		var row strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			switch {
			case i == 0:
				row.WriteString(cell + pad)
			default:
				row.WriteString("  " + pad + cell)
			}
		}
		text.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// Texts writes tables for people, with an empty line between them.
func Texts(w io.Writer, tables ...*Table) error {
	for i, t := range tables {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		if err := t.Text(w); err != nil {
			return err
		}
	}
	return nil
}

// CSV writes the table for spreadsheets.
func (t *Table) CSV(w io.Writer) error {
	writer := csv.NewWriter(w)
	if err := writer.Write(t.Columns); err != nil {
		return err
	}
	if err := writer.WriteAll(t.Rows); err != nil {
		return err
	}
	return writer.Error()
}

// count groups the digits of a number in threes.
func count(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// percent shows a share with so many digits that 99.9 % and 99.99 % differ.
func percent(share float64) string {
	switch {
	case math.IsNaN(share):
		return "-"
	case share == 1:
		return "100 %"
	}
	digits := 2
	for miss := 1 - share; digits < 5 && miss > 0 && miss < 0.01; miss *= 10 {
		digits++
	}
	text := fmt.Sprintf("%.*f", digits, 100*share)
	if strings.HasPrefix(text, "100") {
		text = "> 99.999"
	}
	return text + " %"
}

// millis shows a number of milliseconds in the unit that suits it.
func millis(ms float64) string {
	switch {
	case math.IsNaN(ms):
		return "-"
	case ms == 0:
		return "0"
	case ms < 9.995:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 999.5:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 59_995:
		return fmt.Sprintf("%.2f s", ms/1000)
	case ms < 3_599_500:
		return fmt.Sprintf("%.1f min", ms/60_000)
	}
	return fmt.Sprintf("%.1f h", ms/3_600_000)
}

// money shows dollars.
func money(dollars float64) string {
	if math.IsNaN(dollars) {
		return "-"
	}
	return fmt.Sprintf("$%.2f", dollars)
}

// hours shows a length of time.
func hours(h float64) string {
	switch {
	case h < 48:
		return fmt.Sprintf("%.4g h", h)
	case h < 24*365:
		return fmt.Sprintf("%.4g days", h/24)
	}
	return fmt.Sprintf("%.4g years", h/24/365)
}
