package isolation

// spec is what the helper is told. It comes over a pipe, so that neither the agent's arguments nor its environment have it.
type spec struct {
	// Parent is the bridge's process id.
	Parent int
	Levels Levels
	Guards guard
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
	// ConnectPorts are the TCP ports that Landlock lets the agent connect to; nil for all.
	ConnectPorts []uint16
	Limits       Limits
	// Dir and Temp are the workspace and the temporary directory as the agent sees them, and TempAt is the latter as the bridge
	// sees it.
	Dir, Temp, TempAt string
	// Argv is the agent's command. A rehearsal of the levels alone has none.
	Argv []string
	// Trial: it is a rehearsal.
	Trial bool
	// Env is the agent's environment.
	Env []string

	// program is Argv's first word as a path, once it has been looked up.
	program string
	// mounts: this process has a mount namespace of its own.
	mounts bool
}

// step is one thing that the helper does. They are done in the order of steps, each by the one thread that will execute the
// agent's program, since most of them are the thread's and not the process's.
type step struct {
	// level and guard are what the step is for. It is done only if the plan has them; a step that has neither is done always.
	level Levels
	guard guard
	name  string
	do    func(*spec) error
}

// steps turns the helper into the agent, but for the last step, which is to execute its program. Their order matters:
//   - What needs /proc comes before a new root, which may have none.
//   - Mounts and a new root need the capabilities that a change of user takes away.
//   - The number of processes is bounded after the change of user: a user whose processes are that many could not even begin.
//   - The program is looked up as the user, for whom it must be executable, before Landlock, which must allow it, and before
//     the workspace is entered, where it is the user who decides what a relative name means.
//   - A change of user makes the kernel forget to kill the process with its parent, so that comes late.
var steps = []step{
	{0, 0, "forbid new privileges", func(*spec) error { return noNewPrivileges() }},
	{0, 0, "keep the bridge's files", func(*spec) error { return closeOnExec() }},
	{0, expendable, "be ended before the bridge", func(*spec) error { return beExpendable() }},
	{0, ownKeyring, "have a keyring of its own", func(*spec) error { return joinKeyring() }},
	{0, ownIPC, "have an IPC namespace of its own", func(*spec) error { return unshareIPC() }},
	{0, ownProc, "have a /proc of its own", mountProc},
	{0, ownMounts, "have a /dev/shm, a /tmp and terminals of its own", mountScratch},
	{Chroot, 0, "mount the workspace", mountWorkspace},
	{Chroot, 0, "change the root", changeRoot},
	{0, noBounding, "empty the bounding set", func(*spec) error { return dropBounding() }},
	{UID, 0, "become the user", becomeUser},
	{0, basics, "give up all capabilities", func(*spec) error { return dropCapabilities() }},
	{0, basics, "bound what it takes", func(s *spec) error { return s.Limits.set() }},
	{0, basics, "keep its files to itself", func(*spec) error { return maskModes() }},
	{0, 0, "find the program", findProgram},
	{UID, 0, "reach the workspace as the user", reachWorkspace},
	{0, ownLimits, "leave others' limits alone", func(*spec) error { return filterLimits() }},
	{Landlock, 0, "restrict with Landlock", restrict},
	{Landlock, 0, "see that Landlock holds", rehearseLandlock},
	{0, 0, "enter the workspace", enterWorkspace},
	{0, 0, "use the workspace", rehearseStage},
	{0, 0, "die with the bridge", dieWithParent},
}

// carryOut does what the plan says. It returns only if something failed, or if it was a rehearsal.
func carryOut(s *spec) *failure {
	for _, each := range steps {
		if !s.Levels.Has(each.level) || !s.Guards.has(each.guard) {
			continue
		}
		if err := each.do(s); err != nil {
			return failed(each.level, each.guard, each.name, err)
		}
	}
	if len(s.Argv) == 0 {
		return nil
	}
	return failed(0, 0, "execute "+s.program, &programError{execute(s)})
}
