package wire

import "errors"

// Limits is the first that a bridge hears after its hello: MaxFrameBytes is the largest payload that the gateway takes. Both hold
// to the smaller of their two limits.
type Limits struct {
	MaxFrameBytes int `json:"maxFrameBytes"`
	// LeaseMs is for how long the bridge's agent may run without a gateway, OrphanMs for how long the task may then be without
	// one; 0 where the gateway does not say. A gateway that says LeaseMs lets agents start with Proceed.
	LeaseMs  int64 `json:"leaseMs,omitzero"`
	OrphanMs int64 `json:"orphanMs,omitzero"`
	// AcksInData says that the gateway reads the acknowledgements that come with data.
	AcksInData bool `json:"acksInData,omitzero"`
}

// Accepted answers InitUser at once, before any work.
type Accepted struct {
	SessionID SessionID `json:"sessionId"`
}

// Proceed answers Accepted: the agent may start. Until then nothing of the user's runs, so that a gateway that has not heard
// Accepted in time can give the user another task at once.
type Proceed struct{}

// Fence answers an InitUser that asks for it, before the agent starts: the tasks that were given other sessions of the user's, or
// this one before, and that have not said in the fencing records that their agents have ended.
type Fence struct {
	Tasks []TaskID `json:"tasks"`
}

// maxFenced bounds the tasks of a Fence.
const maxFenced = 1000

func (f Fence) validate() error {
	if len(f.Tasks) > maxFenced {
		return errors.New("tasks: too many")
	}
	for _, task := range f.Tasks {
		if err := checkID("tasks", string(task)); err != nil {
			return err
		}
	}
	return nil
}

// The wire's names.
func (Fence) FrameType() string   { return "fence" }
func (Limits) FrameType() string  { return "limits" }
func (Proceed) FrameType() string { return "proceed" }
