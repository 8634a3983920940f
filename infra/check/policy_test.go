package check

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// iamService is what IAM calls a service of the SDK.
var iamService = map[string]string{"autoscaling": "autoscaling", "ecs": "ecs", "efs": "elasticfilesystem", "sqs": "sqs"}

// alsoNeeds are the permissions that AWS asks for with a call beside the one that has its name.
var alsoNeeds = map[string][]string{
	"ecs.RunTask":                {"iam:PassRole", "ecs:TagResource"}, // the definition's roles; the tags that ECS manages
	"ecs.RegisterTaskDefinition": {"iam:PassRole", "ecs:TagResource"}, // those of the deployment's definition
	"efs.CreateAccessPoint":      {"elasticfilesystem:TagResource"},
}

// needsSetting reports whether a call is made only with USE_SHARED_AP=false, or only with ECS_EVENTS_QUEUE_URL.
func needsSetting(call string) (oldWay, events bool) {
	return strings.HasPrefix(call, "efs.") || call == "ecs.RegisterTaskDefinition", strings.HasPrefix(call, "sqs.")
}

// withoutResource are the actions that IAM grants for no resource, or for "*" only.
var withoutResource = map[string]bool{
	"ecs:ListTasks": true, "ecs:DescribeTaskDefinition": true, "ecs:RegisterTaskDefinition": true,
	"ecs:DeregisterTaskDefinition": true, "ecs:ListTaskDefinitions": true, "ecr:GetAuthorizationToken": true,
	"autoscaling:DescribeAutoScalingGroups": true, "autoscaling:DescribeWarmPool": true,
}

// list is a policy's string or list of strings.
type list []string

func (l *list) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

type statement struct {
	Sid, Effect      string
	Action, Resource list
	Condition        map[string]any
}

// policy is the policy of one of the module iam's roles.
func policy(t *testing.T, made state, role string) []statement {
	t.Helper()
	var document struct{ Statement []statement }
	text := made.text(t, "module.hearth.module.iam.aws_iam_role_policy."+role, "policy")
	if err := json.Unmarshal([]byte(text), &document); err != nil || len(document.Statement) == 0 {
		t.Fatalf("%s's policy: %v\n%s", role, err, text)
	}
	return document.Statement
}

// policiesHold holds the gateway's and the janitor's policies to what their code calls, in both directions, and all
// policies to some manners.
func policiesHold(t *testing.T, runs map[string]state) {
	p, err := gateway()
	if err != nil {
		t.Fatal(err)
	}
	for name, made := range runs {
		calls := slices.DeleteFunc(p.calls("hearth/cmd/gateway.run"), func(call string) bool {
			oldWay, events := needsSetting(call)
			return oldWay && name != "old_way" || events && name != "one_gateway"
		})
		same(t, name+": the gateway's policy", policy(t, made, "gateway"), calls)
		same(t, name+": the janitor's policy", policy(t, made, "janitor"), p.calls("hearth/cmd/gateway.clean"))
	}
	for _, made := range runs {
		roles := 0
		for address, each := range made {
			if role, ok := strings.CutPrefix(address, "module.hearth.module.iam.aws_iam_role_policy."); ok && each.Type == "aws_iam_role_policy" {
				isNarrow(t, role, policy(t, made, role))
				roles++
			}
		}
		if roles < 6 {
			t.Errorf("only %d roles have a policy", roles)
		}
	}
}

// same compares what statements allow with what calls need.
func same(t *testing.T, what string, statements []statement, calls []string) {
	t.Helper()
	needed, allowed := map[string]string{}, map[string]bool{} // action: the call that needs it
	for _, call := range calls {
		service, name, _ := strings.Cut(call, ".")
		if iamService[service] == "" {
			t.Fatalf("%s: IAM's name of the service %s is not known here", call, service)
		}
		needed[iamService[service]+":"+strings.TrimSuffix(name, "Batch")] = call
		for _, action := range alsoNeeds[call] {
			needed[action] = call
		}
	}
	for _, each := range statements {
		for _, action := range each.Action {
			allowed[action] = true
		}
	}
	for _, action := range slices.Sorted(maps.Keys(needed)) {
		if !allowed[action] {
			t.Errorf("%s lacks %s, for %s", what, action, needed[action])
		}
	}
	for _, action := range slices.Sorted(maps.Keys(allowed)) {
		if needed[action] == "" {
			t.Errorf("%s allows %s, which nothing calls", what, action)
		}
	}
}

// isNarrow finds what no policy here has: actions by pattern, "*" where a resource can be named, a role to give to anybody.
func isNarrow(t *testing.T, role string, statements []statement) {
	t.Helper()
	for _, each := range statements {
		if each.Effect != "Allow" || each.Sid == "" || len(each.Action) == 0 || len(each.Resource) == 0 {
			t.Errorf("%s: statement %+v", role, each)
		}
		for _, action := range each.Action {
			if strings.Contains(action, "*") {
				t.Errorf("%s: %s allows %s", role, each.Sid, action)
			}
			if slices.Contains(each.Resource, "*") && !withoutResource[action] {
				t.Errorf("%s: %s allows %s on everything", role, each.Sid, action)
			}
			if action == "iam:PassRole" && each.Condition["StringEquals"] == nil {
				t.Errorf("%s: %s gives roles to any service", role, each.Sid)
			}
		}
	}
}
