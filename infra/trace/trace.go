// Package trace makes OpenTelemetry spans of starts, from the facts that the actors report: they need to know nothing of it.
package trace

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"hearth/messages"
)

// Tracer makes spans of facts. The zero Tracer makes none. It is safe for concurrent use.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Start makes a tracer that sends its spans where OpenTelemetry's own variables say, by OTLP over HTTP: OTEL_EXPORTER_OTLP_ENDPOINT,
// OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER and so on. Without an endpoint it makes none. Close must be called in the end.
func Start(ctx context.Context, version string, log zerolog.Logger) (*Tracer, error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return &Tracer{}, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "hearth-gateway"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(reported{exporter, log}), sdk.WithResource(about))
	return &Tracer{provider: provider, tracer: provider.Tracer("hearth")}, nil
}

// reported says in the log that spans could not be sent.
type reported struct {
	sdk.SpanExporter
	log zerolog.Logger
}

// ExportSpans is called by the SDK, by one goroutine at a time.
func (r reported) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := r.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		r.log.Warn().Err(err).Int("spans", len(spans)).Msg("spans could not be sent to OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	return nil // the SDK would tell of it on standard error
}

// Close sends what is left, and ends.
func (t *Tracer) Close(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Observe takes a fact from an actor.
func (t *Tracer) Observe(e messages.Event) {
	if t.tracer == nil {
		return
	}
	switch e.Kind {
	case messages.EventSessionReady:
		t.session(e)
	case messages.EventSessionEnded:
		if reason := messages.EndReason(e.Reason); reason == messages.EndStartFailed || reason == messages.EndTimeout {
			t.failed(e)
		}
	case messages.EventReady:
		if e.Took > 0 {
			t.span(context.Background(), "hearth.task.start", e.At.Add(-e.Took), e.At, about(e)...)
		}
	}
}

// session makes a span of a session's start, and one of each of its phases. The gateway's phases follow one another, the bridge's
// are the last of init.
func (t *Tracer) session(e messages.Event) {
	begun := e.At.Add(-e.Took)
	start, end := t.begin(parent(e), "hearth.session.start", begun, append(about(e),
		attribute.String("hearth.path", string(e.Path)), attribute.String("hearth.why", string(e.Why)))...)
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	claimed := begun.Add(ms(e.Timings.ClaimMs))
	t.span(start, "hearth.claim", begun, claimed)
	inside, endInit := t.begin(start, "hearth.init", claimed)
	at := e.At.Add(-ms(e.Timings.WorkspaceMs + e.Timings.TokenMs + e.Timings.AgentMs))
	for _, phase := range []struct {
		name string
		took time.Duration
	}{
		{"hearth.workspace", ms(e.Timings.WorkspaceMs)}, {"hearth.token", ms(e.Timings.TokenMs)}, {"hearth.agent", ms(e.Timings.AgentMs)},
	} {
		t.span(inside, phase.name, at, at.Add(phase.took))
		at = at.Add(phase.took)
	}
	endInit(e.At)
	end(e.At)
}

// failed makes a span of a start that came to nothing.
func (t *Tracer) failed(e messages.Event) {
	begun := e.At.Add(-e.Took)
	_, span := t.tracer.Start(parent(e), "hearth.session.start", trace.WithTimestamp(begun), trace.WithAttributes(about(e)...))
	span.SetStatus(codes.Error, e.Reason)
	span.End(trace.WithTimestamp(e.At))
}

// parent is the trace that the session's client belongs to, if it has said so.
func parent(e messages.Event) context.Context {
	return propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": string(e.Trace)})
}

// about are a fact's attributes. Whose session it is stays in the log.
func about(e messages.Event) (attributes []attribute.KeyValue) {
	for _, each := range [][2]string{{"hearth.session", string(e.Session)}, {"hearth.task", string(e.Task)}} {
		if each[1] != "" {
			attributes = append(attributes, attribute.String(each[0], each[1]))
		}
	}
	return attributes
}

// begin begins a span that is ended by what it returns.
func (t *Tracer) begin(ctx context.Context, name string, at time.Time, attributes ...attribute.KeyValue) (context.Context, func(time.Time)) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithTimestamp(at), trace.WithAttributes(attributes...))
	return ctx, func(at time.Time) { span.End(trace.WithTimestamp(at)) }
}

func (t *Tracer) span(ctx context.Context, name string, from, to time.Time, attributes ...attribute.KeyValue) {
	_, end := t.begin(ctx, name, from, attributes...)
	end(to)
}
