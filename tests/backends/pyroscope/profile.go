package main

import (
	"fmt"

	"github.com/google/pprof/profile"
)

// Profile is a pprof profile with its references resolved.
type Profile struct {
	// Types are the value columns, as type/unit.
	Types []string `json:"types"`
	// Default is the type shown first.
	Default string `json:"default"`
	// PeriodType is as type/unit, Period in that unit.
	PeriodType string `json:"period_type"`
	Period     int64  `json:"period"`
	// Time is in nanoseconds since 1970, Duration in nanoseconds.
	Time     int64     `json:"time"`
	Duration int64     `json:"duration"`
	Samples  []Sample  `json:"samples"`
	Mappings []Mapping `json:"mappings"`
	Comments []string  `json:"comments"`
}

// Sample is one stack with its values.
type Sample struct {
	// Stack has the leaf first, inlined functions included.
	Stack  []Frame           `json:"stack"`
	Values []int64           `json:"values"`
	Labels map[string]string `json:"labels"`
}

// Frame is a function at a line; one without a name is an address.
type Frame struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int64  `json:"line"`
	Address  uint64 `json:"address,string"`
}

// Mapping is a file.
type Mapping struct {
	File    string `json:"file"`
	BuildID string `json:"build_id"`
}

func resolve(parsed *profile.Profile) Profile {
	result := Profile{
		Default: parsed.DefaultSampleType,
		Period:  parsed.Period, Time: parsed.TimeNanos, Duration: parsed.DurationNanos,
		Samples: []Sample{}, Mappings: []Mapping{}, Comments: parsed.Comments,
	}
	if parsed.PeriodType != nil {
		result.PeriodType = parsed.PeriodType.Type + "/" + parsed.PeriodType.Unit
	}
	for _, kind := range parsed.SampleType {
		result.Types = append(result.Types, kind.Type+"/"+kind.Unit)
	}
	for _, sample := range parsed.Sample {
		result.Samples = append(result.Samples, Sample{frames(sample), sample.Value, labels(sample)})
	}
	for _, mapping := range parsed.Mapping {
		result.Mappings = append(result.Mappings, Mapping{mapping.File, mapping.BuildID})
	}
	return result
}

func frames(sample *profile.Sample) []Frame {
	stack := []Frame{}
	for _, location := range sample.Location {
		if len(location.Line) == 0 {
			stack = append(stack, Frame{Address: location.Address})
		}
		for _, line := range location.Line {
			frame := Frame{Line: line.Line, Address: location.Address}
			if line.Function != nil {
				frame.Function, frame.File = line.Function.Name, line.Function.Filename
			}
			stack = append(stack, frame)
		}
	}
	return stack
}

func labels(sample *profile.Sample) map[string]string {
	all := map[string]string{}
	for key, values := range sample.Label {
		all[key] = values[0]
	}
	for key, values := range sample.NumLabel {
		all[key] = fmt.Sprint(values[0])
	}
	return all
}
