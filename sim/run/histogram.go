package run

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	// exactSamples is how many durations a histogram keeps as they are before it sorts them into buckets.
	exactSamples = 10_000
	// subBits is how many binary digits of a duration a bucket keeps below the first. Its middle is within 1/512, 0.2 %,
	// of everything in it.
	subBits = 8
)

// histogram holds any number of durations in bounded memory. Its mean and maximum are exact; its percentiles are exact up
// to 10,000 samples and within 0.2 % after that. The zero histogram is empty.
type histogram struct {
	count int
	// zeros are samples of 0, which are most where a pool is large enough.
	zeros int
	sum   float64
	max   time.Duration
	// exact holds the samples until there are too many; buckets counts them after that.
	exact   []time.Duration
	buckets []int
}

// add takes in one sample, not negative.
func (h *histogram) add(d time.Duration) {
	h.count++
	h.sum += float64(d)
	h.max = max(h.max, d)
	switch {
	case d == 0:
		h.zeros++
	case h.buckets != nil:
		h.bucket(d)
	case len(h.exact) < exactSamples:
		h.exact = append(h.exact, d)
	default:
		for _, sample := range h.exact {
			h.bucket(sample)
		}
		h.bucket(d)
		h.exact = nil
	}
}

// bucket counts a sample. Buckets are as wide as their values have binary digits: small ones are exact.
func (h *histogram) bucket(d time.Duration) {
	i := bucketOf(d)
	if i >= len(h.buckets) {
		h.buckets = append(h.buckets, make([]int, i+1-len(h.buckets))...)
	}
	h.buckets[i]++
}

func bucketOf(d time.Duration) int {
	shift := max(0, bits.Len64(uint64(d))-subBits-1)
	return shift<<subBits + int(d>>shift)
}

// middle is the duration in the middle of a bucket.
func middle(bucket int) time.Duration {
	shift := max(0, bucket>>subBits-1)
	low := time.Duration(bucket-shift<<subBits) << shift
	return low + 1<<shift>>1
}

// summary is what the samples come to.
func (h *histogram) summary() Summary {
	if h.count == 0 {
		return Summary{}
	}
	slices.Sort(h.exact)
	return Summary{
		Mean: milliseconds(time.Duration(h.sum / float64(h.count))),
		P50:  h.percentile(0.50), P90: h.percentile(0.90), P95: h.percentile(0.95), P99: h.percentile(0.99),
		P999: h.percentile(0.999), Max: milliseconds(h.max),
	}
}

// percentile is the least sample that at least the share q of all is not above, in milliseconds. The exact samples must
// be sorted.
func (h *histogram) percentile(q float64) float64 {
	rank := max(1, int(math.Ceil(q*float64(h.count)-1e-9))) - h.zeros // 0.99 · 100 is 99, not a little more
	if rank <= 0 {
		return 0
	}
	if h.buckets == nil {
		return milliseconds(h.exact[rank-1])
	}
	for i, n := range h.buckets {
		if rank -= n; rank <= 0 {
			return milliseconds(min(middle(i), h.max))
		}
	}
	return milliseconds(h.max)
}

// milliseconds rounds to whole microseconds.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)/time.Microsecond) / 1e3
}

// merge takes in another histogram's samples, which it leaves as they are.
func (h *histogram) merge(other *histogram) {
	h.count, h.sum, h.max, h.zeros = h.count+other.count, h.sum+other.sum, max(h.max, other.max), h.zeros+other.zeros
	if h.buckets == nil && other.buckets == nil && len(h.exact)+len(other.exact) <= exactSamples {
		h.exact = append(h.exact, other.exact...)
		return
	}
	for _, sample := range h.exact {
		h.bucket(sample)
	}
	for _, sample := range other.exact {
		h.bucket(sample)
	}
	h.exact = nil
	if n := len(other.buckets); n > len(h.buckets) {
		h.buckets = append(h.buckets, make([]int, n-len(h.buckets))...)
	}
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
}
