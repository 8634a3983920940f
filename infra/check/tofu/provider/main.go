// Command provider stands in for the AWS provider of Terraform when nothing but the configuration is to be checked. It
// serves the arguments, blocks and types of schema.json, so that OpenTofu can validate a configuration and run its tests
// with mocked resources, without a network, an account or the provider itself, which is 700 MB. It can do nothing else:
// whatever would read or change a resource fails. make test builds and runs it.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

//go:embed schema.json
var schemaJSON []byte

// attribute is an argument, or a value that the provider computes. Type is a name or a pair such as ["list","string"].
type attribute struct {
	Type                         json.RawMessage
	Required, Optional, Computed bool
}

// block is a resource or a block in one. Nesting is list, set or single; of a list or set Min to Max may stand there, any
// number for a Max of 0.
type block struct {
	Attributes map[string]attribute
	Blocks     map[string]block
	Nesting    string
	Min, Max   int64
}

// schema is what schema.py writes.
type schema struct{ Resources, Data map[string]block }

func main() {
	var s schema
	if err := json.Unmarshal(schemaJSON, &s); err != nil {
		log.Fatalf("schema.json: %v", err)
	}
	answer, err := s.protocol()
	if err != nil {
		log.Fatalf("schema.json: %v", err)
	}
	err = tf5server.Serve("registry.opentofu.org/hashicorp/aws", func() tfprotov5.ProviderServer { return &server{schema: answer} })
	if err != nil {
		log.Fatal(err)
	}
}

// server answers what a validation and a test with mocks ask. The embedded interface is nil: nothing else may be asked.
type server struct {
	tfprotov5.ProviderServer
	schema *tfprotov5.GetProviderSchemaResponse
}

func (s *server) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	return nil, errors.New("the schema has it all")
}

func (s *server) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return s.schema, nil
}

func (s *server) PrepareProviderConfig(_ context.Context, in *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: in.Config}, nil
}

func (s *server) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (s *server) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

// UpgradeResourceState is asked when a test's second run finds what the first has mocked: nothing is older than the schema.
func (s *server) UpgradeResourceState(_ context.Context, in *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	schema, ok := s.schema.ResourceSchemas[in.TypeName]
	if !ok {
		return nil, fmt.Errorf("no resource %s", in.TypeName)
	}
	kind := schema.ValueType()
	state, err := in.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	upgraded, err := tfprotov5.NewDynamicValue(kind, state)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &upgraded}, err
}

func (s *server) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

// protocol is the schema as the protocol has it, with the provider's own arguments that configurations here use.
func (s schema) protocol() (*tfprotov5.GetProviderSchemaResponse, error) {
	text := func(name string) *tfprotov5.SchemaAttribute {
		return &tfprotov5.SchemaAttribute{Name: name, Type: tftypes.String, Optional: true}
	}
	tags := &tfprotov5.SchemaBlock{Attributes: []*tfprotov5.SchemaAttribute{
		{Name: "tags", Type: tftypes.Map{ElementType: tftypes.String}, Optional: true}}}
	out := &tfprotov5.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov5.ServerCapabilities{GetProviderSchemaOptional: true},
		Provider: &tfprotov5.Schema{Block: &tfprotov5.SchemaBlock{
			Attributes: []*tfprotov5.SchemaAttribute{text("region"), text("profile")},
			BlockTypes: []*tfprotov5.SchemaNestedBlock{{TypeName: "default_tags", Block: tags, MaxItems: 1,
				Nesting: tfprotov5.SchemaNestedBlockNestingModeList}},
		}},
		ResourceSchemas: map[string]*tfprotov5.Schema{}, DataSourceSchemas: map[string]*tfprotov5.Schema{},
	}
	for _, each := range []struct {
		from map[string]block
		to   map[string]*tfprotov5.Schema
	}{{s.Resources, out.ResourceSchemas}, {s.Data, out.DataSourceSchemas}} {
		for name, b := range each.from {
			converted, err := b.protocol()
			if err != nil {
				return nil, fmt.Errorf("%s.%w", name, err)
			}
			each.to[name] = &tfprotov5.Schema{Block: converted}
		}
	}
	return out, nil
}

func (b block) protocol() (*tfprotov5.SchemaBlock, error) {
	out := &tfprotov5.SchemaBlock{}
	for name, a := range b.Attributes {
		kind, err := typeOf(a.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out.Attributes = append(out.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: kind, Required: a.Required, Optional: a.Optional, Computed: a.Computed})
	}
	for name, inner := range b.Blocks {
		converted, err := inner.protocol()
		if err != nil {
			return nil, fmt.Errorf("%s.%w", name, err)
		}
		nested := &tfprotov5.SchemaNestedBlock{TypeName: name, Block: converted, MinItems: inner.Min, MaxItems: inner.Max}
		switch inner.Nesting {
		case "list":
			nested.Nesting = tfprotov5.SchemaNestedBlockNestingModeList
		case "set":
			nested.Nesting = tfprotov5.SchemaNestedBlockNestingModeSet
		case "single": // takes no bounds
			nested.Nesting, nested.MinItems, nested.MaxItems = tfprotov5.SchemaNestedBlockNestingModeSingle, 0, 0
		default:
			return nil, fmt.Errorf("%s: nesting %q", name, inner.Nesting)
		}
		out.BlockTypes = append(out.BlockTypes, nested)
	}
	return out, nil
}

// primitives are the types that an attribute or a collection's element may have. What the source does not tell is dynamic.
var primitives = map[string]tftypes.Type{
	"string": tftypes.String, "number": tftypes.Number, "bool": tftypes.Bool, "dynamic": tftypes.DynamicPseudoType,
}

func typeOf(raw json.RawMessage) (tftypes.Type, error) {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		if kind, ok := primitives[name]; ok {
			return kind, nil
		}
		return nil, fmt.Errorf("type %s", raw)
	}
	var pair [2]string
	if err := json.Unmarshal(raw, &pair); err != nil {
		return nil, fmt.Errorf("type %s", raw)
	}
	element, ok := primitives[pair[1]]
	switch {
	case !ok:
	case pair[0] == "list":
		return tftypes.List{ElementType: element}, nil
	case pair[0] == "set":
		return tftypes.Set{ElementType: element}, nil
	case pair[0] == "map":
		return tftypes.Map{ElementType: element}, nil
	}
	return nil, fmt.Errorf("type %s", raw)
}
