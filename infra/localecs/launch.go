package localecs

import "fmt"

// launch places as many tasks as were asked for and can be, and starts their lives. The caller holds s.mu.
func (s *Server) launch(c *cluster, d *definition, in runTaskIn, over overrides) ([]*task, []failure, *apiError) {
	need, err := needOf(d, over)
	if err != nil {
		return nil, nil, err
	}
	at, err := c.venueOf(in, d)
	if err != nil {
		return nil, nil, err
	}
	active := c.active()
	if len(active) == 0 && at == (venue{}) {
		s.log.Warn().Str("cluster", c.name).Msg("the cluster has no container instances; this gives it one: " + s.giveInstance(c))
		return nil, nil, invalidParameter("No Container Instances were found in your cluster.")
	}
	tasks, failures := []*task{}, []failure{}
	one := 1
	for range *valueOr(in.Count, &one) {
		t := s.newTask(c, d, need, in, over, at)
		if !at.fargate {
			on, obstacles := t.place(active, s.faults.shuffle)
			if on == nil && !at.mayWait() {
				failures = obstacles
				break
			}
			if on != nil {
				t.putOn(on)
			}
		}
		s.enlist(t)
		tasks = append(tasks, t)
		s.living.Add(1)
		go s.live(t)
	}
	return tasks, failures, nil
}

// giveInstance is the command that gives a cluster a container instance.
func (s *Server) giveInstance(c *cluster) string {
	return fmt.Sprintf("curl --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" -H 'Content-Type: application/json' -d '{\"cluster\":%q,\"count\":1}' %s/_localecs/instances", c.name, s.URL())
}

// needOf is what a task holds on its instance: the task's own size where one is given, else the sum of its containers'.
func needOf(d *definition, over overrides) (resources, *apiError) {
	var need resources
	for _, c := range d.parsed.Containers {
		if o := over.of(c.Name); o != nil {
			c.CPU = *valueOr(o.CPU, &c.CPU)
			c.Memory = *valueOr(o.Memory, &c.Memory)
			c.MemoryReservation = *valueOr(o.MemoryReservation, &c.MemoryReservation)
		}
		// ECS places by the reservation, the soft limit, where there is one.
		need = need.plus(resources{c.CPU, valueOr(c.MemoryReservation, c.Memory)})
	}
	cpu, err := parseSize(valueOr(over.CPU, d.parsed.CPU))
	if err != nil {
		return need, err
	}
	memory, err := parseSize(valueOr(over.Memory, d.parsed.Memory))
	if err != nil {
		return need, err
	}
	need = resources{valueOr(cpu, need.cpu), valueOr(memory, need.memory)}
	if need.cpu < 0 || need.memory < 0 {
		return need, invalidParameter("cpu and memory must not be negative.")
	}
	return need, nil
}

// tagsOf are the tags of a new task: the call's, then the definition's if they are to be propagated, then ECS's own.
func tagsOf(c *cluster, d *definition, in runTaskIn) []tag {
	tags := append([]tag{}, in.Tags...)
	if in.PropagateTags == "TASK_DEFINITION" {
		tags = append(tags, d.tags...)
	}
	if in.ManagedTags {
		tags = append(tags, tag{"aws:ecs:clusterName", c.name})
	}
	return tags
}
