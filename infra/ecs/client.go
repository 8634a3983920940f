package ecs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsefs "github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/logging"
	"github.com/rs/zerolog"
)

const (
	// dialTimeout is well under a call's timeout, so that a host that swallows packets is told from a slow answer.
	dialTimeout = 3 * time.Second
	// credentialsTimeout bounds the search for credentials at the start: the last place is the host's metadata service.
	credentialsTimeout = 10 * time.Second
)

// Clients are those of the services that a gateway calls. Nothing is called, and nothing connected to, by having one.
type Clients struct {
	ECS *awsecs.Client
	EFS *awsefs.Client
	// AutoScaling is asked of warm pools.
	AutoScaling *autoscaling.Client
	// SQS has the queue of ECS's events.
	SQS *sqs.Client
}

// httpClient keeps enough connections for a burst of calls.
func httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
		WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = 2 * defaultConcurrency })
}

// LoadClients makes clients from what AWS's own tools go by: AWS_REGION, AWS_ENDPOINT_URL_ECS, AWS_PROFILE, keys in the
// environment, the task's or the host's role. It fails when there is no Region or there are no credentials.
// What they warn of is in the log.
func LoadClients(ctx context.Context, log zerolog.Logger) (*Clients, error) {
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(httpClient()), config.WithLogger(sdkLog{log}))
	if err != nil {
		return nil, fmt.Errorf("ecs: AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("ecs: no AWS Region; set AWS_REGION")
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("ecs: no AWS credentials; give the gateway a task role, or set AWS_PROFILE, "+
			"or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: %w", err)
	}
	return &Clients{ECS: awsecs.NewFromConfig(cfg), EFS: awsefs.NewFromConfig(cfg), AutoScaling: autoscaling.NewFromConfig(cfg), SQS: sqs.NewFromConfig(cfg)}, nil
}

// sdkLog has the AWS SDK write into our log.
type sdkLog struct{ log zerolog.Logger }

// Logf is called by the SDK.
func (l sdkLog) Logf(class logging.Classification, format string, values ...any) {
	level := zerolog.DebugLevel
	if class == logging.Warn {
		level = zerolog.WarnLevel
	}
	l.log.WithLevel(level).Str("lib", "aws-sdk").Msg(oneLine(fmt.Sprintf(format, values...)))
}

// LocalClients makes clients for an endpoint with keys of its own, such as package localecs's.
func LocalClients(baseURL, region string, keys aws.Credentials) *Clients {
	cfg := aws.Config{
		BaseEndpoint: &baseURL,
		Region:       region,
		Credentials:  credentials.StaticCredentialsProvider{Value: keys},
		HTTPClient:   httpClient(),
	}
	return &Clients{ECS: awsecs.NewFromConfig(cfg), EFS: awsefs.NewFromConfig(cfg), AutoScaling: autoscaling.NewFromConfig(cfg), SQS: sqs.NewFromConfig(cfg)}
}
