package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	// AutoURL is the GatewayWSURL of a gateway that finds its own address.
	AutoURL = "auto"
	// metadataVariable has the address of the container's metadata, which ECS gives every container.
	metadataVariable = "ECS_CONTAINER_METADATA_URI_V4"

	metadataTimeout = 5 * time.Second
	maxMetadata     = 1 << 20
)

// ownAddress is where other tasks reach this gateway's task: the address that ECS says its container has. It is the task's
// own in network mode awsvpc, and the host's in mode host. In mode bridge nobody else can reach the container by what it knows.
func ownAddress(ctx context.Context) (string, error) {
	uri := os.Getenv(metadataVariable)
	if uri == "" {
		return "", errors.New("this is no ECS task (" + metadataVariable + " is not set)")
	}
	ctx, cancel := context.WithTimeout(ctx, metadataTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return "", err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("task metadata: HTTP status %d", res.StatusCode)
	}
	var container struct {
		Networks []struct {
			NetworkMode                  string
			IPv4Addresses, IPv6Addresses []string
		}
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxMetadata)).Decode(&container); err != nil {
		return "", fmt.Errorf("task metadata: %w", err)
	}
	modes := []string{}
	for _, n := range container.Networks {
		modes = append(modes, n.NetworkMode)
		if n.NetworkMode != "awsvpc" && n.NetworkMode != "host" {
			continue
		}
		for _, address := range append(n.IPv4Addresses, n.IPv6Addresses...) {
			if net.ParseIP(address) != nil {
				return address, nil
			}
		}
	}
	return "", fmt.Errorf("task metadata has no address that other tasks reach; it has network mode %q: use awsvpc, "+
		"or say the address", strings.Join(modes, ", "))
}

// findURL settles where tasks dial, once the listeners are there.
func (g *Gateway) findURL(ctx context.Context) error {
	own := g.internal().Addr()
	switch g.cfg.GatewayWSURL {
	case "":
		g.cfg.GatewayWSURL = dialURL(g.internalScheme(), own)
	case AutoURL:
		address, err := ownAddress(ctx)
		if err != nil {
			return fmt.Errorf("GATEWAY_WS_URL=auto: %w", err)
		}
		_, port, err := net.SplitHostPort(own.String())
		if err != nil {
			return err
		}
		g.cfg.GatewayWSURL = g.internalScheme() + "://" + net.JoinHostPort(address, port)
		g.log.Info().Str("url", g.cfg.GatewayWSURL).Msg("tasks dial this gateway's own address")
	}
	return nil
}

// internalScheme is that of the listener which bridges use.
func (g *Gateway) internalScheme() string { return scheme(g.certificates[len(g.certificates)-1]) }
