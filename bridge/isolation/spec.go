package isolation

// spec is what the helper is told. It comes over a pipe, so that neither the agent's arguments nor its environment have it.
type spec struct {
	// Parent is the bridge's process id.
	Parent int
	Levels Levels
	// UID is the agent's user and group if Levels has UID.
	UID int
	// Root is the directory that becomes the agent's root if Levels has Chroot; empty otherwise.
	Root string
	// Bind is the workspace that is mounted at its own path inside of Root, and BindRoot is WORKSPACE_ROOT; both are empty
	// where it is there already.
	Bind, BindRoot string
	// Stage is WORKSPACE_ROOT, covered, if Dir is the place in it for a workspace that comes later; empty otherwise.
	Stage string
	// Read are directories and files that Landlock lets the agent read and execute.
	Read []string
	// Dir and Temp are the workspace and the temporary directory as the agent sees them.
	Dir, Temp string
	// Argv is the agent's command. A rehearsal has none.
	Argv []string
	// Env is the agent's environment.
	Env []string

	// program is Argv's first word as a path, once it has been looked up.
	program string
}

// step is one thing that the helper does. They are done in the order of steps, each by the one thread that will execute the
// agent's program, since most of them are the thread's and not the process's.
type step struct {
	// level is what the step is for. It is done only if the plan has the level; those of path are done always.
	level Levels
	name  string
	do    func(*spec) error
}

// steps turns the helper into the agent, but for the last step, which is to execute its program. Their order matters:
//   - Mounts and a new root need the capabilities that a change of user takes away.
//   - The program is looked up as the user, for whom it must be executable, before Landlock, which must allow it, and before
//     the workspace is entered, where it is the user who decides what a relative name means.
//   - A change of user makes the kernel forget to kill the process with its parent, so that comes late.
var steps = []step{
	{0, "forbid new privileges", func(*spec) error { return noNewPrivileges() }},
	{Chroot, "mount the workspace", mountWorkspace},
	{Chroot, "change the root", changeRoot},
	{UID, "become the user", becomeUser},
	{0, "give up root's powers", becomeHarmless},
	{0, "find the program", findProgram},
	{UID, "reach the workspace as the user", reachWorkspace},
	{Landlock, "restrict with Landlock", restrict},
	{Landlock, "see that Landlock holds", rehearseLandlock},
	{0, "enter the workspace", enterWorkspace},
	{0, "use the workspace", rehearseStage},
	{0, "die with the bridge", dieWithParent},
	{0, "keep the bridge's files", closeOnExec},
}

// failure is what the helper says of a step that failed. It is an error.
type failure struct {
	// Level is the step's.
	Level   Levels
	Step    string
	Message string
}

func (f *failure) Error() string { return f.Step + ": " + f.Message }

// carryOut does what the plan says. It returns only if something failed, or if it was a rehearsal.
func carryOut(s *spec) *failure {
	for _, each := range steps {
		if !s.Levels.Has(each.level) {
			continue
		}
		if err := each.do(s); err != nil {
			return &failure{Level: each.level, Step: each.name, Message: err.Error()}
		}
	}
	if len(s.Argv) == 0 {
		return nil
	}
	err := execute(s)
	return &failure{Step: "execute " + s.program, Message: err.Error()}
}
