package efs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsefs "github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/efs/types"

	"hearth/messages/wire"
)

// files is a file system with one access point, which goes through states, one for each look.
type files struct {
	Client
	states []types.LifeCycleState
	made   int
	tokens map[string]bool
}

func (f *files) CreateAccessPoint(_ context.Context, in *awsefs.CreateAccessPointInput, _ ...func(*awsefs.Options)) (
	*awsefs.CreateAccessPointOutput, error) {
	f.made++
	if f.tokens == nil {
		f.tokens = map[string]bool{}
	}
	if there := f.tokens[*in.ClientToken]; there {
		return nil, &types.AccessPointAlreadyExists{AccessPointId: aws.String("fsap-1")}
	}
	f.tokens[*in.ClientToken] = true
	return &awsefs.CreateAccessPointOutput{AccessPointId: aws.String("fsap-1")}, nil
}

func (f *files) DescribeAccessPoints(context.Context, *awsefs.DescribeAccessPointsInput, ...func(*awsefs.Options)) (
	*awsefs.DescribeAccessPointsOutput, error) {
	state := f.states[0]
	if len(f.states) > 1 {
		f.states = f.states[1:]
	}
	if state == "" {
		return nil, &types.AccessPointNotFound{}
	}
	return &awsefs.DescribeAccessPointsOutput{AccessPoints: []types.AccessPointDescription{{LifeCycleState: state}}}, nil
}

// Ensure waits for what is being made, makes anew what is being deleted, and asks once.
func TestEnsure(t *testing.T) {
	for _, test := range []struct {
		name   string
		states []types.LifeCycleState
		made   int
		says   string
	}{
		{"there", []types.LifeCycleState{"available"}, 1, ""},
		{"slow", []types.LifeCycleState{"creating", "creating", "available"}, 1, ""},
		{"on its way out", []types.LifeCycleState{"deleting", "", "available"}, 3, ""},
		{"broken", []types.LifeCycleState{"error"}, 1, "fsap-1 is in state error"},
		{"never ready", []types.LifeCycleState{"creating"}, 1, "not available yet"},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			f := &files{states: test.states}
			a := New(Config{Client: f, Root: "/w", Deployment: "d"})
			for range 2 {
				id, err := a.Ensure(ctx, "fs-1", "ann", Owner{})
				if test.says == "" && (id != "fsap-1" || err != nil) || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
					t.Errorf("%s: %q, %v", test.name, id, err)
				}
				if test.says != "" {
					return
				}
			}
			if f.made != test.made || len(f.tokens) != 1 {
				t.Errorf("%s: asked for %d times, with %d tokens", test.name, f.made, len(f.tokens))
			}
			a.Forget("fs-1", "ann")
			if _, err := a.Ensure(ctx, "fs-1", "ann", Owner{}); err != nil || f.made != test.made+1 {
				t.Errorf("%s: %d, %v", test.name, f.made, err)
			}
		})
	}
}

// A directory has one token on a file system, which EFS takes; another directory or file system has another.
func TestToken(t *testing.T) {
	seen := map[string]bool{}
	for _, of := range [][2]string{{"fs-1", "/w/ann"}, {"fs-1", "/w/bob"}, {"fs-2", "/w/ann"}, {"fs-1", "/w/an"}} {
		token := token(of[0], of[1])
		if len(token) == 0 || len(token) > 64 || seen[token] {
			t.Errorf("%v: %q", of, token)
		}
		seen[token] = true
	}
}

func TestPathThatEFSDoesNotTake(t *testing.T) {
	a := New(Config{Client: &files{}, Root: "/w"})
	if _, err := a.Ensure(t.Context(), "fs-1", wire.UserID(strings.Repeat("x", 98)), Owner{}); !errors.Is(err, ErrPath) {
		t.Errorf("%v", err)
	}
	for root, good := range map[string]bool{
		"/workspaces": true, "/a/b/c": true, "/workspaces/prod": true,
		"": false, "/": false, "/a/b/c/d": false, "workspaces": false, "/a/": false, "/a//b": false, "/a;b": false, "/../x": false,
		"/" + strings.Repeat("x", 99): false,
	} {
		if err := CheckRoot(root); (err == nil) != good {
			t.Errorf("%q: %v", root, err)
		}
	}
}
