package isolation

import (
	"errors"
	"fmt"
	"strings"
)

// Levels is a set of levels. Checked paths and the working directory, the level path, belong to every set: it has no bit, and the
// zero value is path alone. What an agent does without at every level, the guards are for.
type Levels uint8

// The levels beside path, in the order in which they are named.
const (
	// UID runs the agent as a user and group of the user's own.
	UID Levels = 1 << iota
	// Landlock has the kernel refuse everything but the workspace, a temporary directory and the system.
	Landlock
	// Chroot shows the agent a prepared root.
	Chroot

	every = UID | Landlock | Chroot
)

// levelNames has the levels by name, in order.
var levelNames = []struct {
	name  string
	level Levels
}{{"path", 0}, {"uid", UID}, {"landlock", Landlock}, {"chroot", Chroot}}

// Has reports whether all of other is in l.
func (l Levels) Has(other Levels) bool { return l&other == other }

// String names the levels as ISOLATION does.
func (l Levels) String() string {
	var names []string
	for _, each := range levelNames {
		if l.Has(each.level) {
			names = append(names, each.name)
		}
	}
	return strings.Join(names, ",")
}

// name is a single level's.
func (l Levels) name() string { return strings.TrimPrefix(l.String(), "path,") }

// Request is what ISOLATION asks for.
type Request struct {
	Levels Levels
	// Auto asks for the strongest set that the container allows, instead of exactly Levels.
	Auto bool
}

// ParseRequest reads ISOLATION: auto, or names of levels separated by commas.
func ParseRequest(text string) (Request, error) {
	if text == "auto" {
		return Request{Levels: every, Auto: true}, nil
	}
	var r Request
	for name := range strings.SplitSeq(text, ",") {
		level, err := parseLevel(strings.TrimSpace(name))
		if err != nil {
			return Request{}, err
		}
		r.Levels |= level
	}
	if r.Levels.Has(Chroot) && !r.Levels.Has(UID) {
		return Request{}, errors.New("chroot needs uid as well: root can leave a changed root")
	}
	return r, nil
}

func parseLevel(name string) (Levels, error) {
	for _, each := range levelNames {
		if each.name == name {
			return each.level, nil
		}
	}
	return 0, fmt.Errorf("%q is not auto or a list of path, uid, landlock, chroot", name)
}
