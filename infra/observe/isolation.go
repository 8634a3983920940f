package observe

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"hearth/messages"
	"hearth/messages/wire"
)

// unknownLevels stands for what this version does not know. A metric's label must not be whatever a bridge says.
const unknownLevels = "other"

// isolated counts the tasks by the levels that keep agents apart there, to say which have less than was asked.
type isolated struct {
	mu    sync.Mutex
	asked []string // levels
	tasks map[string]int
}

// AskIsolation tells what agents are to be kept apart by, as the setting ISOLATION has it. Auto is uid and landlock, which take
// no preparation; what of it can be had, each bridge finds out.
func (o *Observer) AskIsolation(setting string) {
	if setting == "auto" {
		setting = "uid,landlock"
	}
	o.isolated.mu.Lock()
	defer o.isolated.mu.Unlock()
	o.isolated.asked = nil
	for level := range strings.SplitSeq(setting, ",") {
		if level = strings.TrimSpace(level); level != "" {
			o.isolated.asked = append(o.isolated.asked, level)
		}
	}
}

// note learns from a fact, and gives it with levels that this version knows.
func (i *isolated) note(e messages.Event) messages.Event {
	e.Was, e.Phase = knownLevels(e.Was), knownLevels(e.Phase)
	i.mu.Lock()
	defer i.mu.Unlock()
	if e.Was != "" {
		if i.tasks[e.Was]--; i.tasks[e.Was] == 0 {
			delete(i.tasks, e.Was)
		}
	}
	if e.Phase != "" {
		i.tasks[e.Phase]++
	}
	return e
}

// below says which tasks have less than was asked, or nothing.
func (i *isolated) below() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var less []string
	for _, levels := range slices.Sorted(maps.Keys(i.tasks)) {
		has := strings.Split(levels, ",")
		if slices.ContainsFunc(i.asked, func(level string) bool { return !slices.Contains(has, level) }) {
			less = append(less, strconv.Itoa(i.tasks[levels])+" with "+levels)
		}
	}
	if len(less) == 0 {
		return ""
	}
	return "tasks with less isolation than " + strings.Join(i.asked, ",") + ": " + strings.Join(less, ", ")
}

// knownLevels is what a bridge names if it names levels that there are, each once and in order, or else that it does not.
func knownLevels(text string) string {
	if text == "" {
		return ""
	}
	rest := wire.IsolationLevels
	for level := range strings.SplitSeq(text, ",") {
		at := slices.Index(rest, level)
		if at < 0 {
			return unknownLevels
		}
		rest = rest[at+1:]
	}
	return text
}
