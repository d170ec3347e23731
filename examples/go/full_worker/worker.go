package main

import (
	"context"
	"fmt"
	"math/rand"
	"sync"
	"time"

	pb "contact/v1"
)

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// Options of a worker.
type Options struct {
	Address, Client string
	Queues          []string
	// Tasks that run at once.
	Credit uint32
	// Answers the result of a task, or why there is none; its context ends when there is nothing to work for any more.
	Handle func(context.Context, *Task) ([]byte, error)
	// Told of what happens, for people; from several goroutines.
	Say func(...any)
}

// report is what became of a delivery, kept until there is an outcome: with the task, whose lines are lost with the line
// as the result is.
type report struct {
	message *pb.SendStatusRequest
	task    *Task
}

// Worker is a full worker of contact.v1: a goroutine for each task that runs, four for each session.
//
// ContactService of proto/contact/v1/contact.proto is the specification, docs/protocol.md has a picture of each exchange.
// The parts here have the names of that page: receipts, started, results and outcomes, cancel, drain, moving, resume.
type Worker struct {
	options Options

	// Guards what follows. Of tasks and outboxes nothing that is called while it is held calls anybody.
	mutex sync.Mutex
	// What has been received and has no outcome yet: what a resume names as held.
	running   map[Key]*Task
	reports   map[Key]report
	previous  string
	session   *Session
	isLeaving bool
}

// NewWorker makes one that does nothing before Run.
func NewWorker(options Options) *Worker {
	return &Worker{options: options, running: map[Key]*Task{}, reports: map[Key]report{}}
}

// Run works until it has left, or until the server refuses it for good.
func (w *Worker) Run() error {
	for failures, replaced := 0, 0; ; {
		began := time.Now()
		session := newSession(w)
		end := session.run()
		if w.hasLeft() {
			return nil
		}
		w.say("lost", end.Reason, end.Details)
		if end.Retry == "never" {
			return fmt.Errorf("%s: %s", end.Reason, end.Details)
		}
		failures++
		if session.wasHeard || time.Since(began) > longestPause {
			failures = 0
		}
		replaced++
		if end.Reason != "REPLACED" {
			replaced = 0
		}
		time.Sleep(pauseOf(end.Retry, failures, replaced))
	}
}

// Leave takes nothing more, finishes what runs, and has Run return.
func (w *Worker) Leave() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.isLeaving = true
	w.tell(nothingMore())
	w.endIfDone()
}

// What follows until the next comment is for the session.

func (w *Worker) say(words ...any) {
	w.options.Say(words...)
}

// resume is what a registration says of the session before; nil: there was none.
func (w *Worker) resume() *pb.Resume {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.previous == "" {
		return nil
	}
	resume := &pb.Resume{PreviousSession: w.previous, Complete: true}
	for key := range w.running {
		resume.Holding = append(resume.Holding, key.delivery())
	}
	for key := range w.reports {
		resume.Holding = append(resume.Holding, key.delivery())
	}
	return resume
}

// registered goes on where the session before has ended.
func (w *Worker) registered(session *Session, message *pb.Registered) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.previous, w.session = session.id, session
	for _, closed := range message.Closed {
		key := Key{closed.TaskId, closed.Delivery}
		if task := w.running[key]; task != nil {
			task.stop("the delivery is closed")
			delete(w.running, key)
		}
	}
	w.say("registered", map[bool]string{true: "resumed", false: "anew"}[message.Resumed])
	for _, task := range w.running {
		task.sayAgain()
		w.tell(started(task))
	}
	for _, report := range w.reports {
		report.task.sayAgain()
		w.tellReport(report)
	}
	if w.isLeaving {
		w.tell(nothingMore())
	}
	w.endIfDone()
}

func (w *Worker) lost() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.session = nil
}

func (w *Worker) accept(assignments []*pb.Assignment) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, assignment := range assignments {
		task := newTask(assignment)
		_, isReported := w.reports[task.key()]
		// A push that has crossed our report, or comes again: it is not run twice.
		if isReported || w.running[task.key()] != nil {
			continue
		}
		w.running[task.key()] = task
		w.tell(started(task))
		// There are no more of them than the credit.
		go w.work(task)
	}
}

func (w *Worker) cancelled(cancel *pb.Cancel) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	reason := cancel.Reason
	if reason == "" {
		reason = "cancelled"
	}
	if task := w.running[Key{cancel.TaskId, cancel.Delivery}]; task != nil {
		task.stop(reason)
	}
}

func (w *Worker) heed(outcomes []*pb.Outcome) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, outcome := range outcomes {
		key := Key{outcome.TaskId, outcome.Delivery}
		if _, isThere := w.reports[key]; !isThere {
			continue
		}
		if outcome.Code == pb.OutcomeCode_OUTCOME_CODE_RETRY_LATER {
			time.AfterFunc(time.Duration(outcome.AfterMs)*time.Millisecond, func() { w.tellAgain(key) })
			continue
		}
		w.say("told", outcome.Code)
		delete(w.reports, key)
	}
	w.endIfDone()
}

// pump sends what handlers have said since it was called before.
func (w *Worker) pump() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, task := range w.running {
		w.tell(task.takeNews())
	}
}

// The end of what is for the session.

func (w *Worker) hasLeft() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.isLeaving && w.holdsNothing()
}

func (w *Worker) work(task *Task) {
	defer task.cancel()
	message := w.reportOf(task)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	// Its delivery may have been closed meanwhile: then nobody wants to know.
	if w.running[task.key()] != task {
		return
	}
	delete(w.running, task.key())
	w.reports[task.key()] = report{message, task}
	w.tellReport(w.reports[task.key()])
}

func (w *Worker) reportOf(task *Task) *pb.SendStatusRequest {
	result, err := w.options.Handle(task.ctx, task)
	if err == nil {
		succeeded := &pb.Succeeded{TaskId: task.TaskId, Delivery: task.Delivery, Result: result}
		return &pb.SendStatusRequest{Succeeded: []*pb.Succeeded{succeeded}}
	}
	if reason := task.stopped(); reason != "" {
		w.say("stopped", reason)
		return &pb.SendStatusRequest{Stopped: []*pb.Delivery{task.key().delivery()}}
	}
	failed := &pb.Failed{TaskId: task.TaskId, Delivery: task.Delivery, Error: &pb.TaskError{Message: err.Error()}}
	return &pb.SendStatusRequest{Failed: []*pb.Failed{failed}}
}

func (w *Worker) tellAgain(key Key) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if report, isThere := w.reports[key]; isThere {
		w.tellReport(report)
	}
}

// What follows is called with the lock held.

func (w *Worker) tell(message *pb.SendStatusRequest) {
	if w.session != nil && message != nil {
		w.session.up.put(message)
	}
}

func (w *Worker) tellReport(report report) {
	w.tell(report.task.takeNews())
	w.tell(report.message)
}

func (w *Worker) holdsNothing() bool {
	return len(w.running) == 0 && len(w.reports) == 0
}

// endIfDone half-closes the session once nothing is held any more.
func (w *Worker) endIfDone() {
	if w.isLeaving && w.holdsNothing() && w.session != nil {
		w.session.up.close()
	}
}

func started(task *Task) *pb.SendStatusRequest {
	return &pb.SendStatusRequest{Started: []*pb.Delivery{task.key().delivery()}}
}

func nothingMore() *pb.SendStatusRequest {
	return &pb.SendStatusRequest{Credit: new(uint32)}
}

// pauseOf is the time until the next try. Two programs of one name replace each other, so that wait is longer.
func pauseOf(retry string, failures, replaced int) time.Duration {
	if replaced > 5 {
		return time.Minute
	}
	if replaced > 0 {
		return time.Second << replaced
	}
	ceiling := longestPause
	if retry == "now" {
		ceiling = firstPause
	} else if failures < 6 {
		ceiling = firstPause << failures
	}
	return time.Duration(rand.Int63n(int64(ceiling)))
}
