package main

import (
	"context"
	"sync"

	pb "contact/v1"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// keptLines of a task are kept until its result is acknowledged: the server keeps no more of an attempt.
const keptLines = 100

// Key names a delivery.
type Key struct {
	TaskID   string
	Delivery uint32
}

func (k Key) delivery() *pb.Delivery {
	return &pb.Delivery{TaskId: k.TaskID, Delivery: k.Delivery}
}

// Task is one delivery, as its handler sees it.
type Task struct {
	*pb.Assignment
	// Of the handler: done as soon as there is nothing to work for any more.
	ctx    context.Context
	cancel context.CancelFunc

	// Guards what follows. Nothing is called while it is held.
	mutex          sync.Mutex
	stopReason     string
	progress       *pb.Progress
	newCheckpoint  *pb.Checkpoint
	lastCheckpoint *pb.Checkpoint
	lines          []*pb.LogLine
	lineCount      uint32
	sentTo         uint32
}

func newTask(assignment *pb.Assignment) *Task {
	ctx, cancel := context.WithCancel(context.Background())
	return &Task{Assignment: assignment, ctx: ctx, cancel: cancel}
}

func (t *Task) key() Key {
	return Key{t.TaskId, t.Delivery}
}

// Progress says how far it is, 0 to 1: the newest is told, four times a second at most.
func (t *Task) Progress(fraction float32, message string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.progress = &pb.Progress{TaskId: t.TaskId, Delivery: t.Delivery, Fraction: fraction, Message: message}
}

// Log says a line that is kept with the attempt, the newest 100.
func (t *Task) Log(level pb.LogLevel, text string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.lineCount++
	t.lines = append(t.lines, &pb.LogLine{Number: t.lineCount, Level: level, At: timestamppb.Now(), Text: text})
	if len(t.lines) > keptLines {
		t.lines = t.lines[1:]
	}
}

// SaveCheckpoint keeps bytes for the next attempt, if there is one: at most 64 KiB, the newest counts.
func (t *Task) SaveCheckpoint(data []byte) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.lastCheckpoint = &pb.Checkpoint{TaskId: t.TaskId, Delivery: t.Delivery, Data: data}
	t.newCheckpoint = t.lastCheckpoint
}

// stop has the context of the handler end.
func (t *Task) stop(reason string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.stopReason == "" {
		t.stopReason = reason
	}
	t.cancel()
}

// stopped is why it was stopped; empty: it was not.
func (t *Task) stopped() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.stopReason
}

// takeNews is what the handler has said since it was called before; nil: nothing.
func (t *Task) takeNews() *pb.SendStatusRequest {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	news := &pb.SendStatusRequest{}
	if t.progress != nil {
		news.Progress = []*pb.Progress{t.progress}
	}
	if t.newCheckpoint != nil {
		news.Checkpoints = []*pb.Checkpoint{t.newCheckpoint}
	}
	for _, line := range t.lines {
		if line.Number > t.sentTo {
			news.Logs = append(news.Logs, &pb.TaskLog{TaskId: t.TaskId, Delivery: t.Delivery, Line: line})
		}
	}
	t.progress, t.newCheckpoint, t.sentTo = nil, nil, t.lineCount
	if news.Progress == nil && news.Checkpoints == nil && news.Logs == nil {
		return nil
	}
	return news
}

// sayAgain forgets what was sent: nobody acknowledges lines and checkpoints, so they may be lost with the line.
func (t *Task) sayAgain() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.sentTo, t.newCheckpoint = 0, t.lastCheckpoint
}
