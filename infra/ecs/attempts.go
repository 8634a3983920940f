package ecs

import (
	"context"
	"fmt"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go/middleware"

	"hearth/messages"
)

// attempts remembers whether one of a call's attempts may have been carried out. The SDK tells only the last one's error:
// when the first attempt's answer is lost and the others are throttled, "throttled" alone would say that nothing was
// started. It is used by one call.
type attempts struct{ unanswered error }

// record is an option of a call that has every attempt seen.
func (a *attempts) record(o *awsecs.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("RecordAttempt",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
				middleware.FinalizeOutput, middleware.Metadata, error) {
				out, metadata, err := next.HandleFinalize(ctx, in)
				if err != nil && ambiguous(err) {
					a.unanswered = err
				}
				return out, metadata, err
			}), "Retry", middleware.After)
	})
}

// ambiguity is the call's error, which is an ambiguous one when any attempt's was.
func (a *attempts) ambiguity(err error) error {
	if a.unanswered == nil || ambiguous(err) {
		return err
	}
	return fmt.Errorf("%w (the last attempt: %v)", a.unanswered, err)
}

func ambiguous(err error) bool {
	kind, _ := classify(err)
	return kind == messages.LaunchTimeout || kind == messages.LaunchUnavailable
}
