"""A full worker of contact.v1: one thread for each task that runs, three for each session.

`ContactService` of proto/contact/v1/contact.proto is the specification, docs/protocol.md has a picture of each exchange.
The parts here have the names of that page: receipts, started, results and outcomes, cancel, drain, moving, resume.
"""

import collections
import queue
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import grpc
from contact.v1 import contact_pb2 as pb
from contact.v1 import contact_pb2_grpc as rpc
from contact.v1 import task_pb2

KEEPALIVE = [
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
]
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
# Seconds between two messages of progress and logs.
PACE = 0.25
# Lines that are kept of a task until its result is acknowledged: the server keeps no more of an attempt.
KEPT_LINES = 100
# Bytes a second below which a line is taken for dead, as the server does.
SLOWEST = 8 * 1024


class Stopped(Exception):
    """Raised in a handler whose task is cancelled, has run out of time, or is no longer ours."""


class Task:
    """One delivery, as its handler sees it."""

    def __init__(self, assignment, worker):
        self.payload = assignment.payload
        self.metadata = dict(assignment.metadata)
        self.attempt = assignment.attempt
        self.checkpoint = assignment.checkpoint
        self.name = (assignment.task_id, assignment.delivery)
        self._worker = worker
        self._stop = threading.Event()
        self.stop_reason = None
        self.new_progress = None
        self.new_checkpoint = self.last_checkpoint = None
        self.lines = collections.deque(maxlen=KEPT_LINES)
        self.line_count = 0
        self.sent_to = 0

    def stop(self, reason):
        self.stop_reason = self.stop_reason or reason
        self._stop.set()

    def sleep(self, seconds=0):
        """Waits; raises Stopped as soon as there is nothing to work for any more."""
        if self._stop.wait(seconds):
            raise Stopped(self.stop_reason)

    def progress(self, fraction, message=""):
        """How far it is, 0 to 1: the newest is told, four times a second at most."""
        self.new_progress = (fraction, message)

    def log(self, text, level="info"):
        """A line that is kept with the attempt, the newest 100."""
        with self._worker.lock:
            self.line_count += 1
            level_number = task_pb2.LogLevel.Value(f"LOG_LEVEL_{level.upper()}")
            line = task_pb2.LogLine(number=self.line_count, text=text, level=level_number)
            line.at.GetCurrentTime()
            self.lines.append(line)

    def save_checkpoint(self, data):
        """Bytes for the next attempt, if there is one: at most 64 KiB, the newest counts."""
        self.new_checkpoint = self.last_checkpoint = data


class Worker:
    """@param say: told of what happens, for people"""

    def __init__(self, address, client, queues, handler, credit=1, say=lambda *words: None):
        self.address, self.client, self.queues, self.handler, self.credit, self.say = (
            address, client, list(queues), handler, credit, say)
        self.lock = threading.RLock()
        self._pool = ThreadPoolExecutor(credit)
        # What has been received and has no outcome yet, by (task id, delivery): what a resume names as held.
        self._running = {}
        self._reports = {}
        # Since when there are no new tasks: it leaves.
        self._is_leaving = False
        self._previous = None
        self._session = None

    def leave(self):
        """Takes nothing more, finishes what runs, and has `run()` return."""
        # Maybe called by a signal, in the middle of anything.
        threading.Thread(target=self._begin_leaving, daemon=True).start()

    def run(self):
        """Until it has left; raises what the server refuses for good."""
        failures = replaced = 0
        while True:
            began = time.monotonic()
            session = Session(self)
            reason, retry, details = session.run()
            if self._is_leaving and not self._running and not self._reports:
                return
            self.say("lost", reason, details)
            if retry == "never":
                raise RuntimeError(f"{reason}: {details}")
            lasted = time.monotonic() - began > LONGEST_PAUSE
            failures = 0 if lasted or session.was_heard else failures + 1
            replaced = replaced + 1 if reason == "REPLACED" else 0
            time.sleep(pause_of(retry, failures, replaced))

    def _begin_leaving(self):
        with self.lock:
            self._is_leaving = True
            session = self._session
            if session:
                session.send(pb.SendStatusRequest(credit=0))
            self._end_if_done()

    def _end_if_done(self):
        """Half-closes the session once nothing is held any more."""
        if self._is_leaving and not self._running and not self._reports and self._session:
            self._session.half_close()

    def accept(self, assignments):
        with self.lock:
            for assignment in assignments:
                task = Task(assignment, self)
                # A push that has crossed our report, or comes again: it is not run twice.
                if task.name in self._running or task.name in self._reports:
                    continue
                self._running[task.name] = task
                self._pool.submit(self._work, task)

    def _work(self, task):
        self.send(started=[task_pb2.Delivery(task_id=task.name[0], delivery=task.name[1])])
        name = {"task_id": task.name[0], "delivery": task.name[1]}
        try:
            task.sleep()
            report = {"succeeded": [pb.Succeeded(**name, result=self.handler(task))]}
        except Stopped as stopped:
            self.say("stopped", stopped)
            report = {"stopped": [task_pb2.Delivery(**name)]}
        except Exception as error:
            report = {"failed": [pb.Failed(**name, error={"message": str(error), "code": type(error).__name__})]}
        with self.lock:
            if self._running.pop(task.name, None) is None:
                return
            # Kept until there is an outcome: with the lines, since they are lost with the line as the result is.
            self._reports[task.name] = (report, task)
            self._send_report(task.name)

    def _send_report(self, name):
        report, task = self._reports[name]
        self.send(logs=new_lines(task), checkpoints=new_checkpoint(task))
        self.send(**report)

    def cancelled(self, cancel):
        with self.lock:
            task = self._running.get((cancel.task_id, cancel.delivery))
            if task:
                task.stop(cancel.reason or "cancelled")

    def registered(self, session, message):
        """Goes on where the session before has ended."""
        with self.lock:
            self._previous = session.id
            self._session = session
            for closed in message.closed:
                task = self._running.pop((closed.task_id, closed.delivery), None)
                if task:
                    task.stop("the delivery is closed")
            for task in self._running.values():
                # Nobody acknowledges lines, progress and checkpoints: they may be lost with the line, and are said again.
                task.sent_to, task.new_checkpoint = 0, task.last_checkpoint
                self.send(started=[task_pb2.Delivery(task_id=task.name[0], delivery=task.name[1])])
            for name, (_, task) in self._reports.items():
                task.sent_to, task.new_checkpoint = 0, task.last_checkpoint
                self._send_report(name)
            if self._is_leaving:
                session.send(pb.SendStatusRequest(credit=0))
            self.say("registered", "resumed" if message.resumed else "anew", len(self._running), len(self._reports))
            self._end_if_done()

    def resume(self):
        """What a registration says of the session before."""
        with self.lock:
            if self._previous is None:
                return None
            held = [task_pb2.Delivery(task_id=one, delivery=delivery) for one, delivery in [*self._running, *self._reports]]
            return pb.Resume(previous_session=self._previous, holding=held, complete=True)

    def outcomes(self, outcomes):
        with self.lock:
            for outcome in outcomes:
                name = (outcome.task_id, outcome.delivery)
                if outcome.code == pb.OUTCOME_CODE_RETRY_LATER:
                    timer = threading.Timer(outcome.after_ms / 1000, self._send_again, [name])
                    timer.daemon = True
                    timer.start()
                elif self._reports.pop(name, None):
                    self.say("told", pb.OutcomeCode.Name(outcome.code))
            self._end_if_done()

    def _send_again(self, name):
        with self.lock:
            if name in self._reports:
                self._send_report(name)

    def pump(self):
        """Sends what handlers have said since it was called before."""
        with self.lock:
            for task in self._running.values():
                name = {"task_id": task.name[0], "delivery": task.name[1]}
                progress, task.new_progress = task.new_progress, None
                told = [pb.Progress(**name, fraction=progress[0], message=progress[1])] if progress else []
                self.send(progress=told, checkpoints=new_checkpoint(task), logs=new_lines(task))

    def send(self, **fields):
        with self.lock:
            if self._session and any(fields.values()):
                self._session.send(pb.SendStatusRequest(**fields))


class Session:
    """One registration: a GetTask and its SendStatus, until either ends."""

    def __init__(self, worker):
        self.worker = worker
        self.id = uuid.uuid4().hex
        self.was_heard = False
        self._up = queue.SimpleQueue()
        self._heard_at = time.monotonic()
        self._patience = 30.0
        self._is_over = threading.Event()
        self._ends = {}

    def send(self, message):
        self._up.put(message)

    def half_close(self):
        self._up.put(None)

    def run(self):
        """Answers why it has ended: the reason, when to come again, and words."""
        worker = self.worker
        metadata = [("contact-client", worker.client), ("contact-session", self.id)]
        with grpc.insecure_channel(worker.address, options=KEEPALIVE) as channel:
            stub = rpc.ContactServiceStub(channel)
            # SendStatus first: then the session is full from its start.
            up = stub.SendStatus(iter(self._up.get, None), metadata=metadata)
            down = stub.GetTask(
                pb.GetTaskRequest(revision=1, queues=worker.queues, max_in_flight=worker.credit, resume=worker.resume(),
                                  agent="contact example, Python"),
                metadata=metadata)
            threads = [threading.Thread(target=one, daemon=True) for one in
                       (lambda: self._read_outcomes(up), lambda: self._watch(down, up))]
            for thread in threads:
                thread.start()
            self._read_events(down)
            # The other stream may know why: it gets a second.
            threads[0].join(1)
            self._is_over.set()
            with worker.lock:
                worker._session = None
            self.half_close()
            up.cancel()
            down.cancel()
        return self._why()

    def _read_events(self, down):
        try:
            for message in down:
                self._heard_at = time.monotonic()
                # At once, not when the tasks are done: what is not receipted holds back further ones.
                self.send(pb.SendStatusRequest(receipt=message.seq))
                event = message.WhichOneof("event")
                if event == "registered":
                    self.was_heard = True
                    interval = message.registered.intervals.ping_interval_ms / 1000
                    self._patience = 3 * interval + message.registered.limits.max_payload_bytes / SLOWEST
                    self.worker.registered(self, message.registered)
                elif event == "tasks":
                    self.worker.accept(message.tasks.tasks)
                elif event == "cancel":
                    self.worker.cancelled(message.cancel)
                elif event in ("drain", "moving"):
                    # Drained, we are given nothing and stay; moving, this server goes, and we come again when it has.
                    self.worker.say(event)
            self._ends["down"] = None
        except grpc.RpcError as error:
            self._ends["down"] = error

    def _read_outcomes(self, up):
        try:
            for message in up:
                self._heard_at = time.monotonic()
                self.worker.outcomes(message.outcomes)
            self._ends["up"] = None
        except grpc.RpcError as error:
            self._ends["up"] = error

    def _watch(self, down, up):
        """The pace of progress and logs, and the eye on a line that is dead without a word."""
        while not self._is_over.wait(PACE):
            self.worker.pump()
            if time.monotonic() - self._heard_at > self._patience:
                self.worker.say("silence")
                down.cancel()
                up.cancel()

    def _why(self):
        """By whichever stream has it; a status without these trailers is the word of a proxy, or of the line."""
        errors = [error for error in self._ends.values() if error is not None]
        for error in errors:
            said = dict(error.trailing_metadata() or ())
            if "contact-retry" in said:
                return said.get("contact-reason", ""), said["contact-retry"], error.details()
        details = errors[0].details() if errors else ""
        return errors[0].code().name if errors else "OK", "backoff", details


def new_lines(task):
    """Lines that were not sent over this session."""
    lines = [line for line in task.lines if line.number > task.sent_to]
    if lines:
        task.sent_to = lines[-1].number
    return [pb.TaskLog(task_id=task.name[0], delivery=task.name[1], line=line) for line in lines]


def new_checkpoint(task):
    data, task.new_checkpoint = task.new_checkpoint, None
    return [pb.Checkpoint(task_id=task.name[0], delivery=task.name[1], data=data)] if data is not None else []


def pause_of(retry, failures, replaced):
    """Seconds until the next try. Two programs of one name replace each other, so that wait is longer."""
    if replaced:
        return min(60.0, 2.0 * 2 ** (replaced - 1))
    if retry == "now":
        return random.uniform(0, 0.1)
    return random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**failures))
