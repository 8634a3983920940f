package ecs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"hearth/messages"
)

// What the wire tests can't easily bring about.
func TestClassify(t *testing.T) {
	api := func(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }
	text := func(s string) *string { return &s }
	for _, test := range []struct {
		err  error
		kind messages.LaunchErrorKind
	}{
		{api("Throttling", ""), messages.LaunchThrottled},
		{api("TooManyRequestsException", ""), messages.LaunchThrottled},
		{api("LimitExceededException", "The limit for the resource was exceeded."), messages.LaunchNoCapacity},
		{api("ExpiredTokenException", ""), messages.LaunchDenied},
		{api("InvalidSignatureException", "Signature expired"), messages.LaunchDenied},
		{&types.BlockedException{}, messages.LaunchDenied},
		{&types.ServerException{}, messages.LaunchUnavailable},
		{api("ServiceUnavailable", ""), messages.LaunchUnavailable},
		{&types.UnsupportedFeatureException{}, messages.LaunchInvalid},
		{&types.ClientException{Message: text("something new")}, messages.LaunchInvalid},
		{api("NeverHeardOf", ""), messages.LaunchInvalid},
		{&smithy.CanceledError{Err: context.DeadlineExceeded}, messages.LaunchTimeout},
		{&smithy.CanceledError{Err: context.Canceled}, messages.LaunchTimeout},
		{&smithyhttp.RequestSendError{Err: &net.DNSError{Err: "no such host", Name: "ecs.nowhere"}}, messages.LaunchUnavailable},
		{&smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: errors.New("i/o timeout")}}, messages.LaunchUnavailable},
		{&smithyhttp.RequestSendError{Err: &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}}, messages.LaunchTimeout},
		{errors.New("get identity: get credentials: failed to refresh cached credentials"), messages.LaunchDenied},
		{errors.New("something else"), messages.LaunchInvalid},
		{errOwnLimit, messages.LaunchThrottled},
	} {
		for _, err := range []error{test.err, &smithy.OperationError{ServiceID: "ECS", OperationName: "RunTask", Err: test.err}} {
			if kind, _ := classify(err); kind != test.kind {
				t.Errorf("%v is %s, want %s", err, kind, test.kind)
			}
		}
	}
}

// Whatever AWS writes becomes one line of bounded length.
func TestMessagesAreBounded(t *testing.T) {
	about := subject{"RunTask", aCluster, "session:7", aToken}
	err := about.explain(&smithy.GenericAPIError{Code: "ClientException", Message: strings.Repeat("ü\n", 5000)})
	if len(err.Message) > 2*maxMessage || strings.Contains(err.Message, "\n") {
		t.Errorf("%d bytes: %.40q", len(err.Message), err.Message)
	}
	// A token that lies across the end is no half token.
	long := strings.Repeat("x", maxMessage-len("ClientException: ")-4) + aToken
	if err := about.explain(&smithy.GenericAPIError{Code: "ClientException", Message: long}); strings.Contains(err.Message, aToken[:4]) {
		t.Errorf("%q", err.Message)
	}
	if got := clip("aü", 2); got != "a" {
		t.Errorf("%q", got)
	}
	if got := fmt.Sprint(about.explain(&types.AccessDeniedException{})); got !=
		"RunTask: AccessDeniedException; the gateway's role lacks the permission ecs:RunTask (denied)" {
		t.Error(got)
	}
}
