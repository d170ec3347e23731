package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"sync/atomic"
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
	// pace is the time between two messages of progress and logs.
	pace = 250 * time.Millisecond
	// slowest is how many bytes a second a line carries at least, before it is taken for dead, as by the server.
	slowest = 8 * 1024
)

// End is why a session has ended, and when the server wants us again: now, backoff or never.
type End struct {
	Reason, Retry, Details string
	// Whether the server itself has said so: a status without its trailers is the word of a proxy, or of the line.
	isTold bool
}

func endOf(err error, trailer metadata.MD) End {
	if err == nil || errors.Is(err, io.EOF) {
		return End{Reason: "OK", Retry: "backoff"}
	}
	end := End{Reason: status.Code(err).String(), Retry: "backoff", Details: status.Convert(err).Message()}
	if reason := trailer.Get("contact-reason"); len(reason) > 0 {
		end.Reason = reason[0]
	}
	if retry := trailer.Get("contact-retry"); len(retry) > 0 {
		end.Retry, end.isTold = retry[0], true
	}
	return end
}

// Session is one registration: a GetTask and its SendStatus, until either ends.
type Session struct {
	worker   *Worker
	id       string
	up       *outbox
	wasHeard bool
	// When something came last, and how long nothing may; in nanoseconds, read and written by several goroutines.
	heardAt, patience int64
}

func newSession(worker *Worker) *Session {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		panic(err)
	}
	return &Session{
		worker: worker, id: hex.EncodeToString(id[:]), up: newOutbox(),
		heardAt: time.Now().UnixNano(), patience: int64(30 * time.Second),
	}
}

// run answers why it has ended.
func (s *Session) run() End {
	options := s.worker.options
	// A connection for each session, which is closed: the next one has a line of its own.
	connection, err := grpc.Dial(options.Address, grpc.WithInsecure(), grpc.WithKeepaliveParams(pings))
	if err != nil {
		return endOf(err, nil)
	}
	defer connection.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "contact-client", options.Client, "contact-session", s.id)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	service := pb.NewContactServiceClient(connection)
	// SendStatus first: then the session is full from its start.
	up, err := service.SendStatus(ctx)
	if err != nil {
		return endOf(err, nil)
	}
	down, err := service.GetTask(ctx, &pb.GetTaskRequest{
		Revision: 1, Queues: options.Queues, MaxInFlight: options.Credit, Resume: s.worker.resume(), Agent: "contact example, Go",
	})
	if err != nil {
		return endOf(err, nil)
	}
	go s.write(up)
	go s.watch(ctx, cancel)
	upEnd := make(chan End, 1)
	go func() { upEnd <- s.readOutcomes(up) }()
	downEnd := s.readEvents(down)
	s.worker.lost()
	s.up.close()
	// The other stream may know why: it gets a second.
	select {
	case end := <-upEnd:
		if end.isTold && !downEnd.isTold {
			return end
		}
	case <-time.After(time.Second):
	}
	return downEnd
}

func (s *Session) write(up pb.ContactService_SendStatusClient) {
	for message := s.up.take(); message != nil; message = s.up.take() {
		// What could not be written is known by the end of the call, and said again over the next one.
		if up.Send(message) != nil {
			return
		}
	}
	_ = up.CloseSend()
}

func (s *Session) readOutcomes(up pb.ContactService_SendStatusClient) End {
	for {
		message, err := up.Recv()
		if err != nil {
			return endOf(err, up.Trailer())
		}
		s.heard()
		s.worker.heed(message.Outcomes)
	}
}

func (s *Session) readEvents(down pb.ContactService_GetTaskClient) End {
	for {
		message, err := down.Recv()
		if err != nil {
			return endOf(err, down.Trailer())
		}
		s.heard()
		// At once, not when the tasks are done: what is not receipted holds back further ones.
		s.up.put(&pb.SendStatusRequest{Receipt: message.Seq})
		switch event := message.Event.(type) {
		case *pb.GetTaskResponse_Registered:
			s.wasHeard = true
			interval := time.Duration(event.Registered.Intervals.GetPingIntervalMs()) * time.Millisecond
			largest := time.Duration(event.Registered.Limits.GetMaxPayloadBytes()) * time.Second / slowest
			atomic.StoreInt64(&s.patience, int64(3*interval+largest))
			s.worker.registered(s, event.Registered)
		case *pb.GetTaskResponse_Tasks:
			s.worker.accept(event.Tasks.Tasks)
		case *pb.GetTaskResponse_Cancel:
			s.worker.cancelled(event.Cancel)
		case *pb.GetTaskResponse_Drain:
			// We are given nothing, and stay.
			s.worker.say("drain")
		case *pb.GetTaskResponse_Moving:
			// This server goes, and we come again when it has.
			s.worker.say("moving")
		}
	}
}

func (s *Session) heard() {
	atomic.StoreInt64(&s.heardAt, time.Now().UnixNano())
}

// watch is the pace of progress and logs, and the eye on a line that is dead without a word.
func (s *Session) watch(ctx context.Context, cancel context.CancelFunc) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.worker.pump()
		if time.Now().UnixNano()-atomic.LoadInt64(&s.heardAt) > atomic.LoadInt64(&s.patience) {
			s.worker.say("silence")
			cancel()
		}
	}
}
