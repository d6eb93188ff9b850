// Receives what is pushed to Grafana Pyroscope, by the published definition of its interface: the same generated
// handlers as the server has. Each profile is parsed by pprof's own library, checked as the server checks it, and
// written as a line of JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"connectrpc.com/connect"
	pushv1 "github.com/grafana/pyroscope/api/gen/proto/go/push/v1"
	"github.com/grafana/pyroscope/api/gen/proto/go/push/v1/pushv1connect"
)

// Received is what one raw profile was, with everything resolved.
type Received struct {
	// Headers are those of the request that say how it was sent.
	Headers map[string]string `json:"headers"`
	// ID is the profile's, as the client chose it.
	ID string `json:"id"`
	// Labels are those of the series.
	Labels map[string]string `json:"labels"`
	// Bytes is the profile's size, not compressed.
	Bytes   int     `json:"bytes"`
	Profile Profile `json:"profile"`
}

type receiver struct {
	lock sync.Mutex
	out  *json.Encoder
}

// Push implements push.v1.PusherService.
func (r *receiver) Push(_ context.Context, request *connect.Request[pushv1.PushRequest]) (*connect.Response[pushv1.PushResponse], error) {
	received, err := read(request)
	if errors.Is(err, errBurst) {
		return nil, connect.NewError(connect.CodeResourceExhausted, err)
	}
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	for _, one := range received {
		if err := r.out.Encode(one); err != nil {
			return nil, connect.NewError(connect.CodeInternal, err)
		}
	}
	return connect.NewResponse(&pushv1.PushResponse{}), nil
}

var errBurst = errors.New("push rate limit exceeded")

func sizeOf(labels map[string]string) int {
	size := 0
	for name, value := range labels {
		size += len(name) + len(value)
	}
	return size
}

func read(request *connect.Request[pushv1.PushRequest]) ([]Received, error) {
	headers := map[string]string{}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Connect-Protocol-Version", "User-Agent", "X-Scope-Orgid"} {
		if value := request.Header().Get(name); value != "" {
			headers[name] = value
		}
	}
	var received []Received
	for index, series := range request.Msg.Series {
		labels, err := checkLabels(series.Labels)
		if err != nil {
			return nil, fmt.Errorf("series %d: %w", index, err)
		}
		for _, sample := range series.Samples {
			profile, size, err := readProfile(sample.RawProfile, time.Now())
			if err != nil {
				return nil, fmt.Errorf("series %d, profile %s: %w", index, sample.ID, err)
			}
			if size+sizeOf(labels) > maxBurst {
				return nil, fmt.Errorf("%w: %d bytes", errBurst, size)
			}
			received = append(received, Received{headers, sample.ID, labels, size, profile})
		}
	}
	if len(received) == 0 {
		return nil, errors.New("no profiles received")
	}
	return received, nil
}

func main() {
	directory := flag.String("directory", "", "where received.jsonl, a line of JSON for each profile, and address are written")
	flag.Parse()
	file, err := os.Create(filepath.Join(*directory, "received.jsonl"))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(pushv1connect.NewPusherServiceHandler(&receiver{out: json.NewEncoder(file)}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	address := []byte(listener.Addr().String() + "\n")
	if err := os.WriteFile(filepath.Join(*directory, "address"), address, 0o644); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, mux))
}
