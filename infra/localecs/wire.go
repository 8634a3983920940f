package localecs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	targetPrefix = "AmazonEC2ContainerServiceV20141113."
	contentType  = "application/x-amz-json-1.1"
	maxBody      = 1 << 20          // of a request; ECS's largest, a task definition, is 64 KiB
	writeTimeout = 30 * time.Second // for a client to take its answer
)

// operation carries out one call. Its error, if any, is an *apiError; anything else is a fault of this package.
type operation func(s *Server, body []byte) (any, error)

// operations are the calls that this endpoint knows, by their AWS names.
func operations() map[string]operation {
	return map[string]operation{
		"CreateCluster":                 typed((*Server).createCluster),
		"DescribeClusters":              typed((*Server).describeClusters),
		"ListClusters":                  typed((*Server).listClusters),
		"DescribeCapacityProviders":     typed((*Server).describeCapacityProviders),
		"DeregisterContainerInstance":   typed((*Server).deregisterContainerInstance),
		"RegisterTaskDefinition":        typed((*Server).registerTaskDefinition),
		"DescribeTaskDefinition":        typed((*Server).describeTaskDefinition),
		"ListTaskDefinitions":           typed((*Server).listTaskDefinitions),
		"DeregisterTaskDefinition":      typed((*Server).deregisterTaskDefinition),
		"DeleteTaskDefinitions":         typed((*Server).deleteTaskDefinitions),
		"RunTask":                       typed((*Server).runTask),
		"StopTask":                      typed((*Server).stopTask),
		"DescribeTasks":                 typed((*Server).describeTasks),
		"ListTasks":                     typed((*Server).listTasks),
		"ListContainerInstances":        typed((*Server).listContainerInstances),
		"DescribeContainerInstances":    typed((*Server).describeContainerInstances),
		"UpdateContainerInstancesState": typed((*Server).updateContainerInstancesState),
	}
}

// typed gives a method, which takes and returns decoded values, the shape of an operation.
func typed[In, Out any](method func(*Server, In) (Out, *apiError)) operation {
	return func(s *Server, body []byte) (any, error) {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, fault("SerializationException", "%v", err)
		}
		out, err := method(s, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

// serveAPI answers one API call of ECS, or of Auto Scaling or SQS, which are served at the same path.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	if isForm(r) {
		s.serveAutoScaling(w, r)
		return
	}
	if name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), queueTarget); ok {
		s.serveQueues(w, r, name)
		return
	}
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	run := s.operations[name]
	if !ok || run == nil {
		s.answer(w, name, nil, fault("UnknownOperationException", "localecs does not know the operation %q.", name))
		return
	}
	s.perform(w, r, name, run, s.answer)
}

// answerer writes the outcome of a call as a service's protocol has it.
type answerer func(w http.ResponseWriter, name string, out any, err error)

// perform reads a call, lets the faults in force have their way, and carries it out.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, name string, run operation, answer answerer) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answer(w, name, nil, unreadable(err))
		return
	}
	// The server's read timeout was for the body. It would also end r.Context() under a call that is made to wait.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
		s.log.Debug().Err(err).Msg("no read deadline on this connection")
	}
	inForce, err := s.faults.beforeCall(r.Context(), s.closing, name)
	if err != nil {
		answer(w, name, nil, err)
		return
	}
	out, err := run(s, body)
	if s.faults.roll(inForce.LostAnswerRate) {
		s.log.Info().Str("operation", name).Msg("fault: answer lost")
		panic(http.ErrAbortHandler) // net/http's own way to drop a connection without an answer
	}
	answer(w, name, out, err)
}

func unreadable(err error) error {
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		e := fault("RequestEntityTooLargeException", "The request is larger than %d bytes.", maxBody)
		e.Status = http.StatusRequestEntityTooLarge
		return e
	}
	return fault("SerializationException", "The request's body could not be read.")
}

// answer writes the outcome of a call of ECS.
func (s *Server) answer(w http.ResponseWriter, name string, out any, err error) {
	status := http.StatusOK
	if failed := s.outcome(name, err); failed != nil {
		status, out = failed.Status, failed
	}
	w.Header().Set("X-Amzn-Requestid", newUUID())
	s.writeJSON(w, contentType, status, out)
}

// outcome logs how a call ended and gives its error, nil if there was none. Neither bodies nor headers are logged: they
// hold credentials and tokens.
func (s *Server) outcome(name string, err error) *apiError {
	if err == nil {
		s.log.Debug().Str("operation", name).Int("status", http.StatusOK).Msg("call")
		return nil
	}
	var known *apiError
	if !errors.As(err, &known) {
		known = serverException("%v", err)
	}
	s.log.Debug().Str("operation", name).Int("status", known.Status).Str("error", known.Type).Msg(known.Message)
	return known
}

func (s *Server) writeJSON(w http.ResponseWriter, mediaType string, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		s.log.Error().Err(err).Msg("an answer could not be encoded")
		status, body = http.StatusInternalServerError, []byte(`{"__type":"ServerException","message":"encoding failed"}`)
	}
	s.write(w, mediaType, status, body)
}

func (s *Server) write(w http.ResponseWriter, mediaType string, status int, body []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		s.log.Debug().Err(err).Msg("no write deadline on this connection")
	}
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.log.Debug().Err(err).Msg("the client left before its answer")
	}
}

// timestamp is a time as AWS JSON has it, seconds since 1970 as a number; the SDK refuses anything else. The zero
// timestamp means "not yet" and is left out (omitzero).
type timestamp struct{ time.Time }

func now() timestamp { return timestamp{time.Now()} }

// MarshalJSON gives milliseconds, which is the precision of ECS.
func (t timestamp) MarshalJSON() ([]byte, error) {
	ms := t.UnixMilli()
	return fmt.Appendf(nil, "%d.%03d", ms/1000, ms%1000), nil
}

// tag is a label of a task or of a task definition.
type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

const maxTags = 50

func checkTags(tags []tag) *apiError {
	if len(tags) > maxTags {
		return invalidParameter("A resource can have at most %d tags.", maxTags)
	}
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		switch {
		case t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256:
			return invalidParameter("A tag's key must have 1 to 128 characters, its value at most 256.")
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return invalidParameter("Tag keys must not begin with aws:.")
		case seen[t.Key]:
			return invalidParameter("Duplicate tag keys found: %s.", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}
