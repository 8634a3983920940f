package localecs

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"hearth/infra/testkit"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// helperVariable makes this test binary play another program: one that embeds an endpoint, runs a task whose command is
// in the variable, says so on stdout and waits to be killed.
const helperVariable = "LOCALECS_TEST_HELPER"

func playHelper(script string) int {
	server, err := Start(Config{})
	if err != nil {
		return complain(err)
	}
	client := ecs.New(ecs.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL()),
		Credentials: credentials.StaticCredentialsProvider{Value: server.Credentials()}})
	_, err = client.RegisterTaskDefinition(context.Background(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("victim"),
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("main"), Image: aws.String("local"),
			Memory: aws.Int32(16), Command: sh(script)}},
	})
	if err != nil {
		return complain(err)
	}
	if _, err = client.RunTask(context.Background(), &ecs.RunTaskInput{TaskDefinition: aws.String("victim")}); err != nil {
		return complain(err)
	}
	fmt.Println("running")
	select {}
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// startHelper starts this binary as a helper and waits until its task runs.
func startHelper(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperVariable+"="+script)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "running\n" {
		t.Fatalf("the helper said %q, %v", line, err)
	}
	return cmd
}

// processesWith finds the processes of this machine that have an argument exactly like that.
func processesWith(t *testing.T, argument string) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		cmdline, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		for arg := range bytes.SplitSeq(cmdline, []byte{0}) {
			if string(arg) == argument {
				pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

// awaitProcesses polls until n processes have that argument.
func awaitProcesses(t *testing.T, argument string, n int) {
	t.Helper()
	var pids []int
	testkit.Explained(t, func() bool {
		pids = processesWith(t, argument)
		return len(pids) == n
	}, func() string {
		return fmt.Sprintf("%d processes with %s instead of %d: %v", len(pids), argument, n, pids)
	})
}

// family3 is a script for a process, a child and a grandchild, each with the marker as an argument, which live until they
// are killed. The grandchild ignores SIGTERM and SIGHUP.
func family3(marker string) string {
	grandchild := "trap '' TERM HUP; while :; do sleep 0.2; done"
	child := fmt.Sprintf("sh -c \"%s\" grandchild %s & wait", grandchild, marker)
	return fmt.Sprintf("sh -c '%s' child %s & echo started; while :; do sleep 0.2; done", strings.ReplaceAll(child, "'", `'\''`), marker)
}
