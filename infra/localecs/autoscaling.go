package localecs

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Auto Scaling's groups and their warm pools, in its own protocol: a form in, XML out. Groups are shown as SetGroup has them;
// nothing scales.

// autoScalingOperations are Auto Scaling's calls that this endpoint knows.
var autoScalingOperations = map[string]func(s *Server, form url.Values) (any, *apiError){
	"DescribeAutoScalingGroups": (*Server).describeGroups,
	"DescribeWarmPool":          (*Server).describeWarmPool,
}

// Group is an Auto Scaling group as Auto Scaling shows it.
type Group struct {
	Name    string `json:"name"`
	Min     int    `json:"min"`
	Max     int    `json:"max"`
	Desired int    `json:"desired"`
	// WarmState is how the warm pool's instances wait: Stopped, Hibernated or Running; empty for a group without one.
	WarmState string `json:"warmState"`
	// Warm is how many instances wait.
	Warm int `json:"warm"`
}

func (g Group) validate() error {
	switch g.WarmState {
	case "", "Stopped", "Hibernated", "Running":
	default:
		return fmt.Errorf("a warm pool's instances are Stopped, Hibernated or Running, not %q", g.WarmState)
	}
	if g.Name == "" || g.Min < 0 || g.Desired < g.Min || g.Max < g.Desired || g.Warm < 0 || g.Warm > maxInstances || g.WarmState == "" && g.Warm > 0 {
		return errors.New("a group has a name, 0 <= min <= desired <= max, and waiting instances only in a warm pool")
	}
	return nil
}

// SetGroup makes an Auto Scaling group, or changes it.
func (s *Server) SetGroup(g Group) error {
	if err := g.validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[g.Name] = g
	return nil
}

// serveAutoScaling answers one API call of Auto Scaling. Its body has been read: the form says which call it is.
func (s *Server) serveAutoScaling(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		s.answerXML(w, "", nil, fault("MalformedQueryString", "%v", err))
		return
	}
	name := r.PostForm.Get("Action")
	do := autoScalingOperations[name]
	if do == nil {
		s.answerXML(w, name, nil, fault("InvalidAction", "localecs does not know the action %q.", name))
		return
	}
	s.perform(w, r, name, func(s *Server, _ []byte) (any, error) {
		out, err := do(s, r.PostForm)
		if err != nil {
			return nil, err
		}
		return out, nil
	}, s.answerXML)
}

// isForm reports whether a call speaks Auto Scaling's protocol.
func isForm(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

type xmlError struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	Type    string   `xml:"Error>Type"`
	Code    string   `xml:"Error>Code"`
	Message string   `xml:"Error>Message"`
	Request string   `xml:"RequestId"`
}

// answerXML writes the outcome of a call of Auto Scaling, which names faults of all services its own way.
func (s *Server) answerXML(w http.ResponseWriter, name string, out any, err error) {
	status, request := http.StatusOK, newUUID()
	if failed := s.outcome(name, err); failed != nil {
		code := map[string]string{"ThrottlingException": "Throttling", "AccessDeniedException": "AccessDenied", "ServerException": "InternalFailure"}
		status, out = failed.Status, xmlError{Type: "Sender", Code: valueOr(code[failed.Type], failed.Type), Message: failed.Message, Request: request}
	}
	body, err := xml.Marshal(out)
	if err != nil {
		s.log.Error().Err(err).Msg("an answer could not be encoded")
		status = http.StatusInternalServerError
	}
	w.Header().Set("X-Amzn-Requestid", request)
	s.write(w, "text/xml", status, body)
}

type warmInstance struct {
	ID        string `xml:"InstanceId"`
	Zone      string `xml:"AvailabilityZone"`
	State     string `xml:"LifecycleState"`
	Health    string `xml:"HealthStatus"`
	Protected bool   `xml:"ProtectedFromScaleIn"`
}

type warmConfiguration struct {
	MinSize   int    `xml:"MinSize"`
	PoolState string `xml:"PoolState"`
}

type describeWarmPoolOut struct {
	XMLName       xml.Name           `xml:"http://autoscaling.amazonaws.com/doc/2011-01-01/ DescribeWarmPoolResponse"`
	Configuration *warmConfiguration `xml:"DescribeWarmPoolResult>WarmPoolConfiguration,omitempty"`
	Instances     []warmInstance     `xml:"DescribeWarmPoolResult>Instances>member"`
}

func (s *Server) describeWarmPool(form url.Values) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := form.Get("AutoScalingGroupName")
	g, ok := s.groups[name]
	if !ok {
		return nil, fault("ValidationError", "AutoScalingGroup name not found - %s", name)
	}
	var out describeWarmPoolOut
	if g.WarmState != "" {
		out.Configuration = &warmConfiguration{PoolState: g.WarmState}
	}
	for n := range g.Warm {
		out.Instances = append(out.Instances, warmInstance{
			ID: fmt.Sprintf("i-%017x", n), Zone: s.cfg.Region + zone(n, s.cfg.Zones), State: "Warmed:" + g.WarmState, Health: "Healthy"})
	}
	return out, nil
}

type groupOut struct {
	Name    string   `xml:"AutoScalingGroupName"`
	ARN     string   `xml:"AutoScalingGroupARN"`
	Min     int      `xml:"MinSize"`
	Max     int      `xml:"MaxSize"`
	Desired int      `xml:"DesiredCapacity"`
	Cool    int      `xml:"DefaultCooldown"`
	Zones   []string `xml:"AvailabilityZones>member"`
	Health  string   `xml:"HealthCheckType"`
	Created string   `xml:"CreatedTime"`
}

type describeGroupsOut struct {
	XMLName xml.Name   `xml:"http://autoscaling.amazonaws.com/doc/2011-01-01/ DescribeAutoScalingGroupsResponse"`
	Groups  []groupOut `xml:"DescribeAutoScalingGroupsResult>AutoScalingGroups>member"`
}

// describeGroups shows the groups that are named, or all.
func (s *Server) describeGroups(form url.Values) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := map[string]bool{}
	for key, values := range form {
		if strings.HasPrefix(key, "AutoScalingGroupNames.member.") {
			wanted[values[0]] = true
		}
	}
	var out describeGroupsOut
	for name, g := range s.groups {
		if len(wanted) == 0 || wanted[name] {
			out.Groups = append(out.Groups, groupOut{Name: name, ARN: s.groupARN(name), Min: g.Min, Max: g.Max, Desired: g.Desired,
				Cool: 300, Zones: []string{s.cfg.Region + "a"}, Health: "EC2", Created: "2026-01-01T00:00:00Z"})
		}
	}
	return out, nil
}
