package traffic

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// lengthNames are what a column with measured times may be called, with or without a unit.
var lengthNames = []string{"took", "start", "start_time", "duration", "length"}

// Lengths reads a file of measured times, such as those of starts: a table as Recording reads it, with a column that is
// called took, start, start_time, duration or length, or the only one there is. It returns quantiles at equal distances from
// the least to the greatest, at least two: all that were measured, in order, or, of very many, as many as are kept.
func Lengths(path string) ([]time.Duration, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // it was only read
	lengths, err := readLengths(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lengths, nil
}

func readLengths(text io.Reader) ([]time.Duration, error) {
	table, err := newRows(text)
	if err != nil {
		return nil, err
	}
	column := lengthColumn(table.names())
	if column < 0 {
		return nil, fmt.Errorf("row 1: there is no column took, start or duration; the columns are %s", quoted(table.names()))
	}
	name := table.names()[column]
	parse := lengthParser{unit: unitOf(name), commas: table.commas()}
	var kept sample
	for {
		cells, err := table.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		d, err := parse.length(strings.TrimSpace(cells[column]))
		if err != nil {
			return nil, fmt.Errorf("row %d: %s %w", table.line(), name, err)
		}
		kept.add(max(1, d))
	}
	switch len(kept.kept) {
	case 0:
		return nil, fmt.Errorf("the column %s has no lengths", name)
	case 1:
		return []time.Duration{kept.kept[0], kept.kept[0]}, nil
	}
	slices.Sort(kept.kept)
	return kept.kept, nil
}

// lengthColumn finds the column, -1 when there is none.
func lengthColumn(names []string) int {
	if len(names) == 1 {
		return 0
	}
	return slices.IndexFunc(names, func(name string) bool {
		return slices.Contains(lengthNames, strings.ToLower(withoutUnit(name)))
	})
}
