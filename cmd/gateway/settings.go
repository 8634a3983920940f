package main

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"hearth/infra/api"
)

// Where a setting's value is from.
const (
	fromDefault     = "default"
	fromEnvironment = "environment"
	fromFlag        = "flag"
)

// masked stands for a secret that is set.
const masked = "********"

// effective are the settings that are in force, for operators: what each is, and where from. Secrets only say whether they are set.
func effective(parsed *kong.Context) []api.Setting {
	given := map[*kong.Value]bool{}
	for _, step := range parsed.Path {
		if step.Flag != nil && !step.Resolved {
			given[step.Flag.Value] = true
		}
	}
	var settings []api.Setting
	for _, flag := range parsed.Model.Flags {
		if len(flag.Envs) == 0 {
			continue
		}
		setting := api.Setting{Name: flag.Envs[0], Flag: "--" + flag.Name, Value: inWords(flag.Target), Origin: fromDefault}
		if _, set := os.LookupEnv(setting.Name); set {
			setting.Origin = fromEnvironment
		}
		if given[flag.Value] {
			setting.Origin = fromFlag
		}
		settings = append(settings, setting)
	}
	for _, secret := range secrets {
		setting := api.Setting{Name: secret.name, Origin: fromDefault}
		if os.Getenv(secret.name) != "" {
			setting.Value, setting.Origin = masked, fromEnvironment
		}
		settings = append(settings, setting)
	}
	return settings
}

// inWords is a setting's value as its environment variable would have it.
func inWords(value reflect.Value) string {
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return ""
		}
		value = value.Elem()
	}
	switch of := value.Interface().(type) {
	case []string:
		return strings.Join(of, ",")
	case map[string]string:
		pairs := make([]string, 0, len(of))
		for _, key := range slices.Sorted(maps.Keys(of)) {
			pairs = append(pairs, key+"="+of[key])
		}
		return strings.Join(pairs, ",")
	case poolSchedule:
		return of.text
	default:
		return fmt.Sprint(of)
	}
}
