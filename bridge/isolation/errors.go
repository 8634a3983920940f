package isolation

import (
	"errors"
	"io/fs"
)

// failure is what a step of a start failed with. The helper sends it to the bridge.
type failure struct {
	// Level and Guard are the step's. A step that has neither is needed for every agent.
	Level Levels
	Guard guard
	Step  string
	// Program: it is the agent's program that is at fault.
	Program bool
	// Refused: this container does not permit the step, or its kernel or file system does not support it.
	Refused bool
	Message string
}

func (f *failure) Error() string { return f.Step + ": " + f.Message }

// failed makes a failure of a step's error.
func failed(level Levels, guard guard, step string, err error) *failure {
	return &failure{
		Level: level, Guard: guard, Step: step, Program: errors.As(err, new(*programError)), Refused: refused(err), Message: err.Error(),
	}
}

// programError is an error of the agent's program: it is not there, is not the user's to execute, or none for this machine.
type programError struct{ error }

func (p *programError) Unwrap() error { return p.error }

// IsProgram reports whether an error of [Resolve] is the agent's program's, so that another level would not help.
func IsProgram(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.Program
}

// refusal is a reason, found by looking and not told by the kernel, for which a level or a guard cannot be had here.
type refusal struct{ why string }

func (r *refusal) Error() string { return r.why }

// refused reports whether err says that something is not permitted or not supported here, which does not change. Nothing else
// may lead to less isolation: whatever else goes wrong, agents can bring about, by filling a disk or using up a quota, and wait for
// the bridge that starts meanwhile. So err must be the one reason: in a [errors.Join] the other may be of the other kind.
func refused(err error) bool {
	for each := err; each != nil; each = errors.Unwrap(each) {
		if _, joined := each.(interface{ Unwrap() []error }); joined {
			return false
		}
	}
	var reported *failure
	if errors.As(err, &reported) {
		return reported.Refused
	}
	var looked *refusal
	return errors.As(err, &looked) || errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported)
}
