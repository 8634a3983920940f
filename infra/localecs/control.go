package localecs

import (
	"encoding/json"
	"net/http"
	"strings"
)

const (
	jsonType       = "application/json"
	maxControlBody = 64 << 10
)

// routeControl adds the control paths, which the package's documentation lists. They ask for a JSON content type because
// a page in a browser cannot send one to another origin without asking first.
func (s *Server) routeControl(mux *http.ServeMux) {
	mux.HandleFunc("GET /_localecs/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.writeJSON(w, jsonType, http.StatusOK, s.Faults())
	})
	mux.HandleFunc("POST /_localecs/faults", control(s, func(f Faults) (any, error) {
		return f, s.SetFaults(f)
	}))
	mux.HandleFunc("GET /_localecs/instances", func(w http.ResponseWriter, _ *http.Request) {
		s.writeJSON(w, jsonType, http.StatusOK, s.instanceList())
	})
	mux.HandleFunc("POST /_localecs/instances", control(s, func(c Capacity) (any, error) {
		err := s.SetInstances(c)
		return s.instanceList(), err
	}))
	mux.HandleFunc("POST /_localecs/instances/lose", control(s, func(in instanceControl) (any, error) {
		err := s.LoseInstance(in.ContainerInstance)
		return s.instanceList(), err
	}))
	mux.HandleFunc("POST /_localecs/instances/stop", control(s, func(in instanceControl) (any, error) {
		err := s.StopInstance(in.ContainerInstance)
		return s.instanceList(), err
	}))
	mux.HandleFunc("POST /_localecs/groups", control(s, func(g Group) (any, error) { return g, s.SetGroup(g) }))
	mux.HandleFunc("POST /_localecs/tasks/end", control(s, func(in taskControl) (any, error) {
		return in, s.EndTask(in.Task, in.As)
	}))
	mux.HandleFunc("POST /_localecs/instances/agent", control(s, func(in instanceControl) (any, error) {
		err := s.SetAgentConnected(in.ContainerInstance, in.Connected)
		return s.instanceList(), err
	}))
}

type instanceControl struct {
	ContainerInstance string `json:"containerInstance"`
	Connected         bool   `json:"connected"`
}

type taskControl struct {
	Task string `json:"task"`
	As   End    `json:"as"`
}

type controlError struct {
	Error string `json:"error"`
}

// control makes a handler of a control function: its argument is the body, its result the answer. Members it does not
// know are refused, so that a misspelt knob does not pass for a turned one.
func control[In any](s *Server, do func(In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Content-Type"), jsonType) {
			s.writeJSON(w, jsonType, http.StatusUnsupportedMediaType, controlError{"Content-Type must be " + jsonType})
			return
		}
		var in In
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			s.writeJSON(w, jsonType, http.StatusBadRequest, controlError{err.Error()})
			return
		}
		out, err := do(in)
		if err != nil {
			s.writeJSON(w, jsonType, http.StatusBadRequest, controlError{err.Error()})
			return
		}
		s.log.Info().Str("path", r.URL.Path).Interface("set", in).Msg("control")
		s.writeJSON(w, jsonType, http.StatusOK, out)
	}
}

// instanceList shows the container instances of every cluster, by cluster.
func (s *Server) instanceList() map[string][]instanceView {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]instanceView{}
	for name, c := range s.clusters {
		views := make([]instanceView, 0, len(c.instances))
		for _, i := range c.instances {
			views = append(views, i.view())
		}
		all[name] = views
	}
	return all
}
