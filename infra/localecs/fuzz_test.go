package localecs

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// FuzzRequests takes anything for the body of each call. The answer can be encoded, or is an error of ECS's kind.
//
// What the fuzzer registers it must not run: RunTask has an endpoint of its own, with a definition of a program that does
// nothing and hosts on which it finds no room.
func FuzzRequests(f *testing.F) {
	for _, body := range []string{
		`{}`, `{"cluster":"default"}`, `{"clusterName":"c"}`, `{"taskDefinition":"nothing:1","count":3,"clientToken":"t","startedBy":"s",
			"overrides":{"containerOverrides":[{"name":"main","environment":[{"name":"A","value":"B"}],"memory":-1}]},
			"tags":[{"key":"k","value":"v"}],"placementStrategy":[{"type":"spread","field":"instanceId"}]}`,
		`{"taskDefinition":"nothing","overrides":{"cpu":"1 vCPU","memory":"99999999999999999999"},"count":9999999999}`,
		`{"family":"f","containerDefinitions":[{"name":"c","image":"i","memory":16,"cpu":-1,"stopTimeout":1e9,"environment":[{"name":"=","value":"\u0000"}]}]}`,
		`{"tasks":["arn:aws:ecs:us-east-1:000000000000:task/default/x","",null],"include":["TAGS"]}`, `{"maxResults":-1,"nextToken":"-5"}`,
		`{"containerInstances":["x"],"status":"DRAINING"}`, `{"task":"x","reason":"r"}`, `{"nextToken":"99999999999999999999"}`,
		`null`, `[]`, `{"overrides":null,"tags":null}`, ``, `{`,
	} {
		f.Add([]byte(body))
	}
	begin := func(config Config) *Server {
		server, err := Start(config)
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { _ = server.Close(context.Background()) })
		return server
	}
	registers, runs := begin(Config{}), begin(Config{InstanceCPU: 1, InstanceMemory: 4})
	if _, err := runs.operations["RegisterTaskDefinition"](runs, []byte(`{"family":"nothing","containerDefinitions":[
		{"name":"main","image":"local","memory":16,"entryPoint":["/bin/true"]}]}`)); err != nil {
		f.Fatal(err)
	}
	var names []string
	for name := range registers.operations {
		names = append(names, name)
	}
	slices.Sort(names)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, name := range names {
			server := registers
			if name == "RunTask" {
				server = runs
			}
			out, err := server.operations[name](server, body)
			var known *apiError
			switch {
			case err != nil && (!errors.As(err, &known) || known.Type == "" || known.Status < 400):
				t.Fatalf("%s %q: %v", name, body, err)
			case err == nil:
				if _, err := json.Marshal(out); err != nil {
					t.Fatalf("%s %q: the answer cannot be encoded: %v", name, body, err)
				}
			case strings.Contains(known.Message, "panic"):
				t.Fatalf("%s %q: %v", name, body, err)
			}
		}
	})
}
