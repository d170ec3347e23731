// A plain worker: takes tasks, tells results one call each, and comes back by itself.
//
//	plain_worker ADDRESS CLIENT QUEUE
//
// Enough for most programs. It has no SendStatus stream: a task counts as begun when it was written to it, so give tasks
// a timeout_ms; progress, logs and checkpoints are for full_worker. A result that was told and not acknowledged when this
// program dies is told by nobody: the task runs again.
package main

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"time"

	pb "contact/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A line that is cut without a word is noticed by these pings, within half a minute.
var pings = keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 10 * time.Second}

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// handle is what this worker is for: bytes in, bytes out, or why not.
func handle(payload []byte) ([]byte, error) {
	if string(payload) == "fail" {
		return nil, errors.New("it was told to fail")
	}
	return bytes.ToUpper(payload), nil
}

// resultOf is what became of a task, as it is told.
func resultOf(task *pb.Assignment) *pb.TellResultRequest {
	result, err := handle(task.Payload)
	if err != nil {
		failed := &pb.Failed{TaskId: task.TaskId, Delivery: task.Delivery, Error: &pb.TaskError{Message: err.Error()}}
		return &pb.TellResultRequest{Failed: []*pb.Failed{failed}}
	}
	succeeded := &pb.Succeeded{TaskId: task.TaskId, Delivery: task.Delivery, Result: result}
	return &pb.TellResultRequest{Succeeded: []*pb.Succeeded{succeeded}}
}

type worker struct {
	address, client, queue string
	// The result that no answer has come for, of this session or of one before; nil: none.
	untold *pb.TellResultRequest
	// When the server wants us again, as the call that has ended last was told.
	retry string
}

// work is one session, until it ends.
func (w *worker) work() error {
	// A connection for each session, which is closed: the next one has a line of its own.
	connection, err := grpc.Dial(w.address, grpc.WithInsecure(), grpc.WithKeepaliveParams(pings))
	if err != nil {
		return err
	}
	defer connection.Close()
	service := pb.NewContactServiceClient(connection)
	ctx := metadata.AppendToOutgoingContext(context.Background(), "contact-client", w.client, "contact-session", drawSession())
	if err := w.tell(ctx, service); err != nil {
		return err
	}
	// One task at a time: the next one is pushed when the result of this one is stored.
	stream, err := service.GetTask(ctx, &pb.GetTaskRequest{Queues: []string{w.queue}, MaxInFlight: 1})
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			w.heed(stream.Trailer())
			return err
		}
		if message.GetRegistered() != nil {
			fmt.Println("registered")
		}
		for _, task := range message.GetTasks().GetTasks() {
			w.untold = resultOf(task)
			if err := w.tell(ctx, service); err != nil {
				return err
			}
		}
	}
}

// tell tells a result until the server has said what became of it: sent twice it is stored once.
func (w *worker) tell(ctx context.Context, service pb.ContactServiceClient) error {
	for w.untold != nil {
		outcome, err := w.tellOnce(ctx, service)
		if err != nil {
			return err
		}
		if outcome.Code == pb.OutcomeCode_OUTCOME_CODE_RETRY_LATER {
			time.Sleep(time.Duration(outcome.AfterMs) * time.Millisecond)
			continue
		}
		fmt.Println("told", outcome.Code)
		w.untold = nil
	}
	return nil
}

func (w *worker) tellOnce(ctx context.Context, service pb.ContactServiceClient) (*pb.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	stream, err := service.TellResult(ctx)
	if err != nil {
		return nil, err
	}
	// What goes wrong with it is the status of the call, which the next line has.
	_ = stream.Send(w.untold)
	response, err := stream.CloseAndRecv()
	if err != nil {
		w.heed(stream.Trailer())
		return nil, err
	}
	return response.Outcomes[0], nil
}

func (w *worker) heed(trailer metadata.MD) {
	if said := trailer.Get("contact-retry"); len(said) > 0 {
		w.retry = said[0]
	}
}

// drawSession draws 32 hex digits that nobody guesses.
func drawSession() string {
	var id [16]byte
	if _, err := crand.Read(id[:]); err != nil {
		panic(err)
	}
	return hex.EncodeToString(id[:])
}

// pauseAfter is the time until the next try, by what the server has said.
func pauseAfter(retry string, failures int) time.Duration {
	ceiling := longestPause
	if retry == "now" {
		ceiling = firstPause
	} else if failures < 6 {
		ceiling = firstPause << failures
	}
	return time.Duration(rand.Int63n(int64(ceiling)))
}

// Comes again and again; ends where the server says that there is no use in it.
func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "plain_worker ADDRESS CLIENT QUEUE")
		os.Exit(2)
	}
	rand.Seed(time.Now().UnixNano())
	w := &worker{address: os.Args[1], client: os.Args[2], queue: os.Args[3]}
	for failures := 0; ; {
		began := time.Now()
		w.retry = "backoff"
		err := w.work()
		failures++
		if time.Since(began) > longestPause {
			failures = 0
		}
		fmt.Println("lost", status.Code(err), status.Convert(err).Message())
		if w.retry == "never" {
			os.Exit(1)
		}
		time.Sleep(pauseAfter(w.retry, failures))
	}
}
