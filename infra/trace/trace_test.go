package trace

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"hearth/messages"
	"hearth/messages/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver takes spans by OTLP over HTTP.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans map[string]*otlp.Span
}

// openReceiver opens one that answers with a status, and has the environment name it.
func openReceiver(t *testing.T, status int) *receiver {
	t.Helper()
	r := &receiver{spans: map[string]*otlp.Span{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		var export collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &export)
		}
		if err != nil || request.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", request.URL, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, resource := range export.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					r.spans[span.GetName()] = span
				}
			}
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	return r
}

// play has a tracer take facts in, and gives its log.
func play(t *testing.T, facts ...messages.Event) string {
	t.Helper()
	var log strings.Builder
	tracer, err := Start(t.Context(), "1.2.3", zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	for _, fact := range facts {
		tracer.Observe(fact)
	}
	if err := tracer.Close(context.Background()); err != nil {
		t.Error(err)
	}
	return log.String()
}

var at = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// TestSpansOfAStart: a start is in its client's trace, each phase is in the start, and no span has the user.
func TestSpansOfAStart(t *testing.T) {
	r := openReceiver(t, http.StatusOK)
	const traceID, client = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	log := play(t, messages.Event{Kind: messages.EventReady, Task: "t-1", At: at, Took: 3 * time.Second},
		messages.Event{
			Kind: messages.EventSessionReady, Session: "s-1", User: "ann", Task: "t-1", At: at, Took: 300 * time.Millisecond, Path: wire.PathWarm,
			Timings: wire.Timings{ClaimMs: 10, InitMs: 290, WorkspaceMs: 14, TokenMs: 10, AgentMs: 240}, Trace: "00-" + traceID + "-" + client + "-01",
		})
	if log != "" {
		t.Errorf("the log has %s", log)
	}
	start := r.spans["hearth.session.start"]
	for name, want := range map[string]struct {
		parent   []byte
		from, to int // in ms before the start's end
	}{
		"hearth.claim": {start.GetSpanId(), 300, 290}, "hearth.init": {start.GetSpanId(), 290, 0},
		"hearth.workspace": {r.spans["hearth.init"].GetSpanId(), 264, 250}, "hearth.token": {r.spans["hearth.init"].GetSpanId(), 250, 240},
		"hearth.agent": {r.spans["hearth.init"].GetSpanId(), 240, 0}, "hearth.session.start": {start.GetParentSpanId(), 300, 0},
	} {
		span := r.spans[name]
		if span == nil || string(span.GetParentSpanId()) != string(want.parent) ||
			!at.Add(-time.Duration(want.from)*time.Millisecond).Equal(time.Unix(0, int64(span.GetStartTimeUnixNano()))) ||
			!at.Add(-time.Duration(want.to)*time.Millisecond).Equal(time.Unix(0, int64(span.GetEndTimeUnixNano()))) {
			t.Errorf("%s is %v", name, span)
		}
		if id := trace.TraceID(span.GetTraceId()); id.String() != traceID {
			t.Errorf("%s is of the trace %s", name, id)
		}
		if strings.Contains(span.String(), "ann") {
			t.Errorf("%s has the user: %v", name, span)
		}
	}
	if id := trace.SpanID(start.GetParentSpanId()); id.String() != client {
		t.Errorf("the start's parent is %s", id)
	}
	if r.spans["hearth.task.start"] == nil {
		t.Error("the task's start has no span")
	}
}

// TestSpanOfAFailedStart: it says so, in a trace of its own where the client named none, or none that is one.
func TestSpanOfAFailedStart(t *testing.T) {
	r := openReceiver(t, http.StatusOK)
	play(t, messages.Event{Kind: messages.EventSessionEnded, Reason: string(messages.EndStartFailed), At: at, Took: time.Second, Trace: "00-nonsense"},
		messages.Event{Kind: messages.EventSessionEnded, Reason: string(messages.EndClosed), At: at, Took: time.Hour})
	span := r.spans["hearth.session.start"]
	if len(r.spans) != 1 || span.GetStatus().GetCode() != otlp.Status_STATUS_CODE_ERROR || span.GetStatus().GetMessage() != "start_failed" || len(span.GetParentSpanId()) != 0 {
		t.Errorf("%v", r.spans)
	}
}

// TestSpansThatCannotBeSent are told in the log, and nowhere else.
func TestSpansThatCannotBeSent(t *testing.T) {
	openReceiver(t, http.StatusBadRequest)
	log := play(t, messages.Event{Kind: messages.EventReady, At: at, Took: time.Second})
	if !strings.Contains(log, `"level":"warn"`) || !strings.Contains(log, "spans could not be sent") {
		t.Errorf("the log has %q", log)
	}
}

// TestWithoutAnEndpoint nothing is made, or connected to.
func TestWithoutAnEndpoint(t *testing.T) {
	tracer, err := Start(t.Context(), "1.2.3", zerolog.Nop())
	if err != nil || tracer.provider != nil {
		t.Errorf("%+v, %v", tracer, err)
	}
	tracer.Observe(messages.Event{Kind: messages.EventReady, Took: time.Second})
	if err := tracer.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
