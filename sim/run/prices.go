package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Prices turn hours into money. A file changes those that it names.
type Prices struct {
	// HostHour is a running host's hour, PausedHostHour that of one that is stopped or hibernated: its disk.
	HostHour       float64 `json:"hostHour"`
	PausedHostHour float64 `json:"pausedHostHour"`
	// TaskHour is what a task costs on top of its host's: 0 on EC2; on Fargate it is all there is.
	TaskHour float64 `json:"taskHour"`
	// TasksPerHost is how many tasks share a host where the simulation has no hosts of its own.
	TasksPerHost int `json:"tasksPerHost"`
	// HoursPerMonth is what a month's cost is scaled to.
	HoursPerMonth float64 `json:"hoursPerMonth"`
}

// DefaultPrices are the source's planning figures: t3.small in dollars, four tasks on each.
func DefaultPrices() Prices {
	return Prices{HostHour: 0.0208, PausedHostHour: 0.0008, TasksPerHost: 4, HoursPerMonth: 730}
}

// LoadPrices reads a JSON object with the prices that differ from the defaults.
func LoadPrices(path string) (Prices, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Prices{}, err
	}
	prices := DefaultPrices()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&prices); err != nil {
		return Prices{}, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Prices{}, fmt.Errorf("%s: something follows the JSON object", path)
	}
	if err := prices.validate(); err != nil {
		return Prices{}, fmt.Errorf("%s: %w", path, err)
	}
	return prices, nil
}

func (p Prices) validate() error {
	for _, price := range []struct {
		name  string
		value float64
	}{{"hostHour", p.HostHour}, {"pausedHostHour", p.PausedHostHour}, {"taskHour", p.TaskHour}} {
		if !(price.value >= 0) {
			return fmt.Errorf("%s %g must not be negative", price.name, price.value)
		}
	}
	if p.TasksPerHost < 1 {
		return fmt.Errorf("tasksPerHost %d must be at least 1", p.TasksPerHost)
	}
	if !(p.HoursPerMonth > 0) {
		return errors.New("hoursPerMonth must be more than 0")
	}
	return nil
}

// monthly is what hours of tasks, of running and of paused hosts within some time cost, scaled to a month.
func (p Prices) monthly(tasks, running, paused, hours float64) float64 {
	if hours == 0 {
		return 0
	}
	cost := float64(tasks*p.TaskHour) + float64(running*p.HostHour) + float64(paused*p.PausedHostHour)
	return rounded(cost*p.HoursPerMonth/hours, 1e2)
}

// rounded keeps so many parts of a unit, so that a report shows no digits that mean nothing.
func rounded(value, parts float64) float64 { return math.Round(value*parts) / parts }
