package scenario

import (
	"fmt"
	"time"
)

// advance lets time go by.
//
//	advance 5s
func (e *env) advance(a *arguments) error {
	d, err := time.ParseDuration(a.word(0, ""))
	if err != nil {
		return fmt.Errorf("how long?")
	}
	e.model.World.Advance(d)
	return nil
}
