package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A gateway finds the address at which others reach its task, and says why when there is none.
func TestOwnAddress(t *testing.T) {
	for metadata, want := range map[string]string{
		`{"Networks":[{"NetworkMode":"awsvpc","IPv4Addresses":["10.0.2.106"],"PrivateDNSName":"x"}]}`: "10.0.2.106",
		`{"Networks":[{"NetworkMode":"host","IPv4Addresses":["10.0.0.9"]}]}`:                          "10.0.0.9",
		`{"Networks":[{"NetworkMode":"awsvpc","IPv6Addresses":["2001:db8::7"]}]}`:                     "2001:db8::7",
		`{"Networks":[{"NetworkMode":"bridge","IPv4Addresses":["172.17.0.2"]}]}`:                      "",
		`{"Networks":[]}`: "",
		`{`:               "",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, metadata) }))
		t.Setenv(metadataVariable, server.URL+"/v4/x")
		got, err := ownAddress(t.Context())
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", metadata, got, err)
		}
		server.Close()
	}
	t.Setenv(metadataVariable, "")
	if _, err := ownAddress(t.Context()); err == nil {
		t.Error("without ECS it has an address")
	}
}
