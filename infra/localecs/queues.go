package localecs

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Queues are SQS's, in its JSON protocol, with what EventBridge would send there: the state changes of tasks and container
// instances. A queue is there from the first call that names it, and gets what happens from then on.

const (
	queueTarget = "AmazonSQS."
	queueType   = "application/x-amz-json-1.0"
	// maxQueued bounds a queue; what is older is dropped.
	maxQueued         = 10_000
	maxReceived       = 10
	maxWait           = 20 * time.Second
	defaultVisibility = 30 * time.Second
)

// queueOperations are SQS's calls that this endpoint knows.
var queueOperations = map[string]operation{
	"SendMessage":        typed((*Server).sendMessage),
	"ReceiveMessage":     typed((*Server).receiveMessage),
	"DeleteMessage":      typed((*Server).deleteMessage),
	"DeleteMessageBatch": typed((*Server).deleteMessageBatch),
}

// queue is one queue. Guarded by Server.mu.
type queue struct {
	messages []*queued
	arrived  chan struct{} // closed and replaced when a message has come
}

type queued struct {
	id, receipt, body string
	hiddenUntil       time.Time
}

// queueNamed finds or makes the queue that a URL names. The caller holds s.mu.
func (s *Server) queueNamed(url string) *queue {
	name := url[strings.LastIndex(url, "/")+1:]
	q := s.queues[name]
	if q == nil {
		q = &queue{arrived: make(chan struct{})}
		s.queues[name] = q
	}
	return q
}

func (q *queue) add(body string) *queued {
	m := &queued{id: newUUID(), body: body}
	q.messages = append(q.messages, m)
	if len(q.messages) > maxQueued {
		q.messages = slices.Delete(q.messages, 0, len(q.messages)-maxQueued)
	}
	close(q.arrived)
	q.arrived = make(chan struct{})
	return m
}

func (s *Server) serveQueues(w http.ResponseWriter, r *http.Request, name string) {
	answer := func(w http.ResponseWriter, name string, out any, err error) {
		status := http.StatusOK
		if failed := s.outcome(name, err); failed != nil {
			status, out = failed.Status, failed
		}
		w.Header().Set("X-Amzn-Requestid", newUUID())
		s.writeJSON(w, queueType, status, out)
	}
	if run := queueOperations[name]; run != nil {
		s.perform(w, r, name, run, answer)
		return
	}
	answer(w, name, nil, fault("UnknownOperationException", "localecs does not know the operation %q.", name))
}

type sendMessageIn struct {
	QueueURL string `json:"QueueUrl"`
	Body     string `json:"MessageBody"`
}

type sendMessageOut struct {
	ID  string `json:"MessageId"`
	MD5 string `json:"MD5OfMessageBody"`
}

func (s *Server) sendMessage(in sendMessageIn) (sendMessageOut, *apiError) {
	if in.QueueURL == "" || in.Body == "" {
		return sendMessageOut{}, invalidParameter("QueueUrl and MessageBody are required.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.queueNamed(in.QueueURL).add(in.Body)
	return sendMessageOut{m.id, md5Of(m.body)}, nil
}

func md5Of(body string) string {
	sum := md5.Sum([]byte(body)) // the protocol's checksum
	return hex.EncodeToString(sum[:])
}

type receiveMessageIn struct {
	QueueURL          string `json:"QueueUrl"`
	Max               int    `json:"MaxNumberOfMessages"`
	WaitSeconds       int    `json:"WaitTimeSeconds"`
	VisibilityTimeout *int   `json:"VisibilityTimeout"`
}

type receivedMessage struct {
	ID      string `json:"MessageId"`
	Receipt string `json:"ReceiptHandle"`
	Body    string
	MD5     string `json:"MD5OfBody"`
}

type receiveMessageOut struct {
	Messages []receivedMessage `json:",omitempty"`
}

// receiveMessage waits for messages as long as the call says, and hides those that it gives until they are deleted.
func (s *Server) receiveMessage(in receiveMessageIn) (receiveMessageOut, *apiError) {
	wait := time.Duration(in.WaitSeconds) * time.Second
	in.Max = valueOr(in.Max, 1)
	if in.QueueURL == "" || wait < 0 || wait > maxWait || in.Max < 1 || in.Max > maxReceived {
		return receiveMessageOut{}, invalidParameter("QueueUrl, MaxNumberOfMessages (1 to %d) or WaitTimeSeconds (0 to 20) is wrong.", maxReceived)
	}
	visibility := defaultVisibility
	if in.VisibilityTimeout != nil {
		visibility = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		s.mu.Lock()
		q := s.queueNamed(in.QueueURL)
		out, arrived := q.take(in.Max, visibility), q.arrived
		s.mu.Unlock()
		if len(out.Messages) > 0 {
			return out, nil
		}
		select {
		case <-arrived:
		case <-over.C:
			return out, nil
		case <-s.closing:
			return out, nil
		}
	}
}

func (q *queue) take(most int, visibility time.Duration) (out receiveMessageOut) {
	at := time.Now()
	for _, m := range q.messages {
		if len(out.Messages) == most {
			break
		}
		if at.Before(m.hiddenUntil) {
			continue
		}
		m.receipt, m.hiddenUntil = newUUID(), at.Add(visibility)
		out.Messages = append(out.Messages, receivedMessage{m.id, m.receipt, m.body, md5Of(m.body)})
	}
	return out
}

type deleteMessageIn struct {
	QueueURL string `json:"QueueUrl"`
	Receipt  string `json:"ReceiptHandle"`
}

func (s *Server) deleteMessage(in deleteMessageIn) (struct{}, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queueNamed(in.QueueURL).remove(in.Receipt)
	return struct{}{}, nil
}

func (q *queue) remove(receipt string) {
	q.messages = slices.DeleteFunc(q.messages, func(m *queued) bool { return m.receipt == receipt && receipt != "" })
}

type deleteBatchIn struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []struct {
		ID      string `json:"Id"`
		Receipt string `json:"ReceiptHandle"`
	}
}

type deletedEntry struct {
	ID string `json:"Id"`
}

type deleteBatchOut struct {
	Successful []deletedEntry
	Failed     []struct{}
}

func (s *Server) deleteMessageBatch(in deleteBatchIn) (deleteBatchOut, *apiError) {
	out := deleteBatchOut{Successful: []deletedEntry{}, Failed: []struct{}{}}
	if n := len(in.Entries); n == 0 || n > maxReceived {
		return out, invalidParameter("There are 1 to %d entries.", maxReceived)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queueNamed(in.QueueURL)
	for _, entry := range in.Entries {
		q.remove(entry.Receipt)
		out.Successful = append(out.Successful, deletedEntry{entry.ID})
	}
	return out, nil
}

// publish sends every queue what has become of a task or an instance, as EventBridge does: times are text there. The caller
// holds s.mu.
func (s *Server) publish(kind, arn string, view any) {
	if len(s.queues) == 0 {
		return
	}
	raw, err := json.Marshal(view)
	var detail map[string]any
	if err == nil {
		err = json.Unmarshal(raw, &detail)
	}
	if err != nil {
		s.log.Error().Err(err).Msg("an event could not be encoded")
		return
	}
	for name, value := range detail {
		if seconds, ok := value.(float64); ok && strings.HasSuffix(name, "At") {
			detail[name] = time.UnixMilli(int64(seconds * 1000)).UTC().Format(time.RFC3339Nano)
		}
	}
	body, err := json.Marshal(map[string]any{
		"version": "0", "id": newUUID(), "detail-type": kind, "source": "aws.ecs", "account": s.cfg.Account,
		"time": time.Now().UTC().Format(time.RFC3339), "region": s.cfg.Region, "resources": []string{arn}, "detail": detail,
	})
	if err != nil {
		s.log.Error().Err(err).Msg("an event could not be encoded")
		return
	}
	for _, q := range s.queues {
		q.add(string(body))
	}
}

// publishTask and publishInstance send what has become of a task, or of a cluster's instance. The caller holds s.mu.
func (s *Server) publishTask(t *task) { s.publish("ECS Task State Change", t.view.TaskArn, t.view) }

func (s *Server) publishInstance(c *cluster, i *instance) {
	s.publish("ECS Container Instance State Change", i.arn, struct {
		instanceView
		ClusterArn string `json:"clusterArn"`
	}{i.view(), c.arn})
}
