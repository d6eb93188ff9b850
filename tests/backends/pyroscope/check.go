package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/pprof/profile"
	typesv1 "github.com/grafana/pyroscope/api/gen/proto/go/types/v1"
)

// The server's limits, as it has them by default.
const (
	maxLabels       = 30
	maxLabelName    = 1024
	maxLabelValue   = 2048
	maxSamples      = 16000
	maxSampleLabels = 100
	maxBytes        = 4 << 20
	// A profile and its labels beyond the burst of the rate limit never pass.
	maxBurst = 2 << 20
	maxAge   = time.Hour
	maxAhead = 10 * time.Minute
)

var (
	// The server allows dots: later versions keep them, earlier ones make underscores of them.
	labelName  = regexp.MustCompile(`^[a-zA-Z_.][a-zA-Z0-9_.]*$`)
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
)

func checkLabels(pairs []*typesv1.LabelPair) (map[string]string, error) {
	if len(pairs) == 0 || len(pairs) > maxLabels {
		return nil, fmt.Errorf("it has %d labels", len(pairs))
	}
	labels := map[string]string{}
	for _, pair := range pairs {
		if _, twice := labels[pair.Name]; twice {
			return nil, fmt.Errorf("label %q stands there twice", pair.Name)
		}
		if !labelName.MatchString(pair.Name) || len(pair.Name) > maxLabelName {
			return nil, fmt.Errorf("label name %q is not valid", pair.Name)
		}
		if !utf8.ValidString(pair.Value) || len(pair.Value) > maxLabelValue {
			return nil, fmt.Errorf("value %q of label %q is not valid", pair.Value, pair.Name)
		}
		labels[pair.Name] = pair.Value
	}
	if !metricName.MatchString(labels["__name__"]) {
		return nil, fmt.Errorf("name %q is not valid", labels["__name__"])
	}
	// The server would call it "unspecified".
	if labels["service_name"] == "" {
		return nil, errors.New("there is no service_name")
	}
	return labels, nil
}

func readProfile(raw []byte, now time.Time) (Profile, int, error) {
	unpacked := raw
	if bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		reader, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return Profile{}, 0, err
		}
		if unpacked, err = io.ReadAll(io.LimitReader(reader, maxBytes+1)); err != nil {
			return Profile{}, 0, err
		}
	}
	if len(unpacked) > maxBytes {
		return Profile{}, 0, fmt.Errorf("it has more than %d bytes", maxBytes)
	}
	parsed, err := profile.ParseUncompressed(unpacked)
	if err != nil {
		return Profile{}, 0, err
	}
	if err := checkProfile(parsed, now); err != nil {
		return Profile{}, 0, err
	}
	return resolve(parsed), len(unpacked), nil
}

func checkProfile(parsed *profile.Profile, now time.Time) error {
	if err := parsed.CheckValid(); err != nil {
		return err
	}
	if len(parsed.SampleType) == 0 {
		return errors.New("it has no sample type")
	}
	for _, kind := range parsed.SampleType {
		if kind.Type == "" || strings.Contains(kind.Type, "-") {
			return fmt.Errorf("sample type %q is not valid", kind.Type)
		}
	}
	if len(parsed.Sample) > maxSamples {
		return fmt.Errorf("it has %d samples", len(parsed.Sample))
	}
	// The server takes a profile without a time as one of now.
	taken := time.Unix(0, parsed.TimeNanos)
	if parsed.TimeNanos > 0 && (now.Sub(taken) > maxAge || taken.Sub(now) > maxAhead) {
		return fmt.Errorf("it is of %s, outside of what is taken", taken)
	}
	for _, sample := range parsed.Sample {
		if len(sample.Label)+len(sample.NumLabel) > maxSampleLabels {
			return fmt.Errorf("a sample has %d labels", len(sample.Label)+len(sample.NumLabel))
		}
	}
	for _, function := range parsed.Function {
		if !utf8.ValidString(function.Name) || !utf8.ValidString(function.Filename) {
			return fmt.Errorf("function %q is not UTF-8", function.Name)
		}
	}
	return nil
}
