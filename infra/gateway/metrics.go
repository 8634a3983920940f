package gateway

import (
	"runtime"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"hearth/infra/sockets"
)

// socketMetrics shows what the sockets count. They keep their counts themselves, so that a frame costs no metric's lock.
type socketMetrics struct{ sockets *sockets.Sockets }

var (
	socketsOpen = prometheus.NewDesc("hearth_sockets", "Sockets now.", []string{"kind"}, nil)
	socketsIn   = prometheus.NewDesc("hearth_socket_received_bytes_total", "Bytes read from peers.", []string{"kind"}, nil)
	socketsOut  = prometheus.NewDesc("hearth_socket_sent_bytes_total", "Bytes written to peers.", []string{"kind"}, nil)
	socketsBad  = prometheus.NewDesc("hearth_socket_bad_frames_total", "Frames that were refused.", []string{"kind"}, nil)
	socketsSlow = prometheus.NewDesc("hearth_socket_overflows_total", "Sockets whose peer did not keep up.", []string{"kind"}, nil)
	socketsEnd  = prometheus.NewDesc("hearth_sockets_closed_total", "Sockets that ended, by why.", []string{"kind", "cause"}, nil)
	socketsNo   = prometheus.NewDesc("hearth_handshakes_refused_total", "Handshakes that were refused, by HTTP status.", []string{"kind", "status"}, nil)
)

// Describe tells the registry which metrics there are.
func (m socketMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{socketsOpen, socketsIn, socketsOut, socketsBad, socketsSlow, socketsEnd, socketsNo} {
		descs <- desc
	}
}

// Collect tells the registry the counts as they are now.
func (m socketMetrics) Collect(metrics chan<- prometheus.Metric) {
	for _, kind := range []sockets.Kind{sockets.Client, sockets.Bridge} {
		stats, name := m.sockets.Stats(kind), kind.String()
		count := func(desc *prometheus.Desc, value uint64, labels ...string) {
			labels = append([]string{name}, labels...)
			metrics <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
		}
		metrics <- prometheus.MustNewConstMetric(socketsOpen, prometheus.GaugeValue, float64(stats.Open), name)
		count(socketsIn, stats.BytesIn)
		count(socketsOut, stats.BytesOut)
		count(socketsBad, stats.BadFrames)
		count(socketsSlow, stats.Overflows)
		for cause, n := range stats.Closed {
			count(socketsEnd, n, string(cause))
		}
		for status, n := range stats.Refused {
			count(socketsNo, n, strconv.Itoa(status))
		}
	}
}

// buildInfo says what runs: a deployment is seen as a change of its labels.
func buildInfo(version string) prometheus.Collector {
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hearth_build_info", Help: "The gateway's release, and the Go that it was built with."},
		[]string{"version", "go"})
	info.WithLabelValues(version, runtime.Version()).Set(1)
	return info
}

// certificateMetrics shows when the listeners' certificates expire: a renewal that does not come must be noticed before.
type certificateMetrics []*certificate

var certificateExpiry = prometheus.NewDesc("hearth_tls_certificate_expiry_timestamp_seconds",
	"When a listener's certificate expires.", []string{"listener"}, nil)

// Describe tells the registry which metrics there are.
func (m certificateMetrics) Describe(descs chan<- *prometheus.Desc) { descs <- certificateExpiry }

// Collect tells the registry the times as they are now.
func (m certificateMetrics) Collect(metrics chan<- prometheus.Metric) {
	for _, c := range m {
		if c != nil {
			metrics <- prometheus.MustNewConstMetric(certificateExpiry, prometheus.GaugeValue, float64(c.expires().Unix()), c.listener)
		}
	}
}
