package localecs

import "os"

// defaultPath is a task's PATH when the endpoint has none itself.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// containerSpec is what a container's process gets: the definition's command and environment with the call's overrides.
// The endpoint's own environment gives nothing but PATH, which stands for the image's.
func (s *Server) containerSpec(t *task, i int) processSpec {
	c := t.def.parsed.Containers[i]
	command, environment := c.Command, c.Environment
	if o := t.over.of(c.Name); o != nil {
		if len(o.Command) > 0 {
			command = o.Command
		}
		environment = append(environment[:len(environment):len(environment)], o.Environment...)
	}
	environment = append([]variable{{"PATH", valueOr(os.Getenv("PATH"), defaultPath)}}, environment...)
	environment = append(environment,
		variable{"ECS_CONTAINER_METADATA_URI_V4", s.URL() + "/v4/" + t.endpoints[i]},
		variable{"AWS_EXECUTION_ENV", "AWS_ECS_EC2"})
	return processSpec{
		argv:   append(c.EntryPoint[:len(c.EntryPoint):len(c.EntryPoint)], command...),
		env:    lastOfEach(environment),
		dir:    valueOr(c.WorkingDirectory, s.cfg.WorkDir),
		output: func(stream, line string) { s.output.line(t.id, c.Name, stream, line) },
	}
}

// lastOfEach gives an environment in which a later value of a variable has replaced an earlier one.
func lastOfEach(variables []variable) []string {
	at := map[string]int{}
	var env []string
	for _, v := range variables {
		entry := v.Name + "=" + v.Value
		if i, ok := at[v.Name]; ok {
			env[i] = entry
			continue
		}
		at[v.Name] = len(env)
		env = append(env, entry)
	}
	return env
}
