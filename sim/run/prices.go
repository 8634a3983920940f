package run

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Prices turn hours into money. A file changes those that it names.
type Prices struct {
	// Name, Date and Source say whose prices they are; a file of one's own need not.
	Name   string `json:"name,omitempty"`
	Date   string `json:"date,omitempty"`
	Source string `json:"source,omitempty"`
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

//go:embed prices/*.json
var lists embed.FS

// DefaultPrices are t3.small's: the source's planning figures in dollars, four tasks on each.
func DefaultPrices() Prices {
	prices, shipped, err := list("t3.small")
	if err != nil || !shipped {
		panic("run: the prices of t3.small are part of the program") // a test reads all of them
	}
	return prices
}

// list is a price list that comes with the simulator; false when there is none of the name.
func list(name string) (Prices, bool, error) {
	text, err := lists.ReadFile("prices/" + name + ".json")
	if err != nil {
		return Prices{}, false, nil
	}
	prices, err := readPrices(Prices{}, name, text)
	return prices, true, err
}

// LoadPrices reads a price list that comes with the simulator, by its name, or a file with a JSON object with the prices that
// differ from the defaults.
func LoadPrices(name string) (Prices, error) {
	if prices, shipped, err := list(name); shipped {
		return prices, err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return Prices{}, err
	}
	prices := DefaultPrices()
	prices.Name, prices.Date, prices.Source = name, "", ""
	return readPrices(prices, name, text)
}

// readPrices takes in what a file says. Its name is for errors.
func readPrices(prices Prices, name string, text []byte) (Prices, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&prices); err != nil {
		return Prices{}, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Prices{}, fmt.Errorf("%s: something follows the JSON object", name)
	}
	if err := prices.validate(); err != nil {
		return Prices{}, fmt.Errorf("%s: %w", name, err)
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
	return rounded(p.cost(tasks, running, paused)*p.HoursPerMonth/hours, 1e2)
}

// cost is what hours of tasks, of running and of paused hosts cost.
func (p Prices) cost(tasks, running, paused float64) float64 {
	return float64(tasks*p.TaskHour) + float64(running*p.HostHour) + float64(paused*p.PausedHostHour)
}

// rounded keeps so many parts of a unit, so that a report shows no digits that mean nothing.
func rounded(value, parts float64) float64 { return math.Round(value*parts) / parts }
