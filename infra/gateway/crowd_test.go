package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lxzan/gws"

	"hearth/infra/sign"
	"hearth/messages/wire"
)

// A test binary with crowdVariable in its environment is a crowd of so many users and as many tasks: the other ends of a
// gateway's sockets, and the ECS endpoint that has the tasks. It prints the endpoint's URL; reads where the gateway is; has
// everyone connect; prints a line once every client was told ready; and leaves when its input ends.
const (
	crowdVariable       = "HEARTH_TEST_CROWD"
	crowdSecretVariable = "HEARTH_TEST_CROWD_SECRET"
	crowdContainer      = "bridge"
	crowdAccessPoint    = "fsap-00000000"
	// crowdDialers is how many connect at once.
	crowdDialers = 64
)

// crowdTarget is where the gateway listens.
type crowdTarget struct{ Clients, Bridges string }

func runCrowd() int {
	if err := crowdLife(); err != nil {
		fmt.Fprintln(os.Stderr, "crowd:", err)
		return 1
	}
	return 0
}

func crowdLife() error {
	count, err := strconv.Atoi(os.Getenv(crowdVariable))
	if err != nil {
		return err
	}
	limit := syscall.Rlimit{}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	signer, err := sign.New([]byte(os.Getenv(crowdSecretVariable)))
	if err != nil {
		return err
	}
	endpoint := httptest.NewServer(crowdECS(count))
	defer endpoint.Close()
	fmt.Println(endpoint.URL)

	var target crowdTarget
	input := json.NewDecoder(os.Stdin)
	if err := input.Decode(&target); err != nil {
		return err
	}
	c := &crowdEnds{ready: make(chan struct{}, count), lost: make(chan error, 2*count)}
	err = all(count, func(i int) error { return c.connectBridge(target.Bridges, crowdTask(i), signer) })
	if err == nil {
		err = all(count, func(i int) error { return c.connectClient(target.Clients, "user-"+strconv.Itoa(i)) })
	}
	if err != nil {
		return err
	}
	deadline := time.After(idlePatience)
	for i := range count {
		select {
		case <-c.ready:
		case err := <-c.lost:
			return fmt.Errorf("a socket has ended before its time: %w", err)
		case <-deadline:
			return fmt.Errorf("only %d of %d clients have an agent", i, count)
		}
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// all calls do for 0 to count-1, several at a time, and gives one of the errors.
func all(count int, do func(int) error) error {
	next, failed := make(chan int), make(chan error, crowdDialers)
	var dialers sync.WaitGroup
	for range crowdDialers {
		dialers.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for i := 0; i < count && err == nil; i++ {
		select {
		case next <- i:
		case err = <-failed:
		}
	}
	close(next)
	dialers.Wait()
	close(failed)
	for e := range failed {
		err = e
	}
	return err
}

// crowdEnds is what the sockets tell: that a client's agent is ready, and that a socket has ended.
type crowdEnds struct {
	ready chan struct{}
	lost  chan error
}

// otherEnd is a socket's peer that answers pings, and frames as hear does.
type otherEnd struct {
	gws.BuiltinEventHandler
	who  string
	hear func(*gws.Conn, []byte)
	lost chan<- error
}

func (o *otherEnd) OnClose(_ *gws.Conn, err error) { o.lost <- fmt.Errorf("%s: %w", o.who, err) }

func (o *otherEnd) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

func (o *otherEnd) OnMessage(conn *gws.Conn, m *gws.Message) {
	o.hear(conn, m.Bytes())
	_ = m.Close() // never fails
}

// dial connects, says hello, and listens until the socket ends.
func (o *otherEnd) dial(url, token string, hello wire.Frame) error {
	options := &gws.ClientOption{Addr: url, RequestHeader: http.Header{}, HandshakeTimeout: idlePatience, ReadBufferSize: 512}
	if token != "" {
		options.RequestHeader.Set("Authorization", "Bearer "+token)
	}
	conn, response, err := gws.NewClient(o, options)
	if err != nil {
		if response != nil {
			err = fmt.Errorf("%w: %s", err, response.Status)
		}
		return err
	}
	go conn.ReadLoop()
	return say(conn, hello)
}

func say(conn *gws.Conn, frame wire.Frame) error {
	return conn.WriteMessage(gws.OpcodeText, wire.AppendFrame(nil, frame))
}

func crowdTask(i int) wire.TaskID { return wire.TaskID("t-" + strconv.Itoa(i)) }

// connectBridge is a warm task's bridge whose agent is ready as soon as it has a user, and says nothing.
func (c *crowdEnds) connectBridge(address string, task wire.TaskID, signer *sign.Signer) error {
	end := &otherEnd{who: string(task), lost: c.lost, hear: func(conn *gws.Conn, raw []byte) {
		frame, err := wire.DecodeToBridge(raw)
		if init, ok := frame.(wire.InitUser); ok && err == nil {
			_ = say(conn, wire.Accepted{SessionID: init.SessionID}) // a lost socket is missed by its client
			_ = say(conn, wire.BridgeReady{SessionID: init.SessionID})
		}
	}}
	hello := wire.BridgeHello{TaskID: task, State: wire.BridgeWarm, Pass: signer.WarmPass(task)}
	return end.dial("ws://"+address+"/internal/warm/"+string(task), signer.TaskToken(task), hello)
}

// connectClient is a client that says nothing, and ready when it is told that its agent is.
func (c *crowdEnds) connectClient(address, user string) error {
	end := &otherEnd{who: user, lost: c.lost, hear: func(_ *gws.Conn, raw []byte) {
		if frame, err := wire.DecodeToClient(raw); err == nil && frame.FrameType() == "ready" {
			c.ready <- struct{}{}
		}
	}}
	return end.dial("ws://"+address+"/ws?user="+user, "", wire.Hello{Acks: true})
}

// crowdECS is as much of ECS as it takes to have tasks that run already: the gateway finds and adopts them.
func crowdECS(count int) http.Handler {
	type object = map[string]any
	arns := make([]string, count)
	for i := range arns {
		arns[i] = "arn:aws:ecs:us-east-1:000000000000:task/c/" + string(crowdTask(i))
	}
	const host = "arn:aws:ecs:us-east-1:000000000000:container-instance/c/h"
	answers := map[string]func(tasks []string) object{
		"ListTasks":              func([]string) object { return object{"taskArns": arns} },
		"StopTask":               func([]string) object { return object{} },
		"ListContainerInstances": func([]string) object { return object{"containerInstanceArns": []string{host}} },
		"DescribeContainerInstances": func([]string) object {
			return object{"containerInstances": []object{{"containerInstanceArn": host, "status": "ACTIVE", "agentConnected": true}}}
		},
		"DescribeTaskDefinition": func([]string) object {
			return object{"taskDefinition": object{
				"status": "ACTIVE", "volumes": []object{{"name": "efs", "efsVolumeConfiguration": object{
					"fileSystemId": "fs-1", "transitEncryption": "ENABLED",
					"authorizationConfig": object{"accessPointId": crowdAccessPoint, "iam": "ENABLED"},
				}}},
				"containerDefinitions": []object{{
					"name": crowdContainer, "mountPoints": []object{{"sourceVolume": "efs", "containerPath": "/mnt/efs"}},
				}},
			}}
		},
		"DescribeTasks": func(tasks []string) object {
			described := []object{}
			for _, arn := range tasks {
				id := arn[strings.LastIndexByte(arn, '/')+1:]
				described = append(described, object{
					"taskArn": arn, "lastStatus": "RUNNING", "containerInstanceArn": host,
					"overrides": object{"containerOverrides": []object{
						{"name": crowdContainer, "environment": []object{{"name": "TASK_ID", "value": id}}},
					}},
				})
			}
			return object{"tasks": described}
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		answer, known := answers[operation]
		var request struct{ Tasks []string }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || !known {
			http.Error(w, "this endpoint has no "+operation, http.StatusBadRequest)
			return
		}
		body, err := json.Marshal(answer(request.Tasks))
		if err != nil {
			panic(err) // Invariant: it is made of maps, lists and strings
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // a client that is gone needs no answer
	})
}
