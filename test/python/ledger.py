"""A producer, a worker and an observer from bare stubs, which outlive every server: `ledger.py ROLE ADDRESS NUMBER`."""

import os
import sys
import time
import uuid

import grpc
from contact.v1 import contact_pb2 as worker_pb
from contact.v1 import contact_pb2_grpc as worker_rpc
from contact.v1 import task_pb2 as task_pb
from contact.v1 import task_service_pb2 as pb
from contact.v1 import task_service_pb2_grpc as rpc

QUEUE = "ledger"
BATCH = 10
# An observer that hears nothing for so long has heard all that will come.
SILENCE_SECONDS = 15
RECONNECTING = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 50),
                ("grpc.max_reconnect_backoff_ms", 200)]


def say(*words):
    print(*words, flush=True)


def persist(call):
    """What the call answers, however often the server goes before it does."""
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            say("again", error.code().name)
            time.sleep(0.02)


def draw_id():
    """A UUIDv7: a task that brings its own id may be sent again."""
    drawn = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return str(uuid.UUID(int=drawn & ~(0xF << 76) & ~(0x3 << 62) | 7 << 76 | 2 << 62))


def produce(channel, count):
    stub = rpc.TaskServiceStub(channel)
    for first in range(0, count, BATCH):
        tasks = [task_pb.NewTask(id=draw_id(), queue=QUEUE, payload=b"%d" % n) for n in range(first, first + BATCH)]
        request = pb.EnqueueTasksRequest(tasks=tasks)
        for task in tasks:
            say("sent", task.payload.decode(), task.id)
        answer = persist(lambda: stub.EnqueueTasks(request, wait_for_ready=True))
        for n, task in enumerate(answer.tasks, first):
            say("acknowledged", n, task.id)


def tell(stub, metadata, results):
    """Tells results until each has an outcome that ends the matter."""
    while results:
        request = worker_pb.TellResultRequest(succeeded=results)
        answer = persist(lambda: stub.TellResult(iter([request]), metadata=metadata, wait_for_ready=True))
        later = [outcome.code == worker_pb.OUTCOME_CODE_RETRY_LATER for outcome in answer.outcomes]
        results = [result for result, is_later in zip(results, later) if is_later]


def work(channel, number):
    stub = worker_rpc.ContactServiceStub(channel)
    client = ("contact-client", f"ledger-{number}")
    registration = worker_pb.GetTaskRequest(queues=[QUEUE], max_in_flight=10)
    while True:
        session = [client, ("contact-session", uuid.uuid4().hex)]
        try:
            for message in stub.GetTask(registration, metadata=session, wait_for_ready=True):
                tasks = message.tasks.tasks
                for task in tasks:
                    say("began", task.payload.decode(), task.task_id)
                # So that there is work under way whenever a server is killed.
                time.sleep(0.02)
                tell(stub, [client], [
                    worker_pb.Succeeded(task_id=task.task_id, delivery=task.delivery, result=b"did " + task.payload)
                    for task in tasks
                ])
        except grpc.RpcError as error:
            say("lost", error.code().name)
            time.sleep(0.02)


def watch(stub, request):
    for message in stub.WatchResults(request, wait_for_ready=True, timeout=3):
        yield from message.events


def observe(channel, count):
    stub = rpc.TaskServiceStub(channel)
    request = pb.WatchResultsRequest(start=pb.RESULT_START_BEGINNING, queues=[QUEUE], follow=True)
    seen = []
    heard_at = time.monotonic()
    while len(seen) < count and time.monotonic() < heard_at + SILENCE_SECONDS:
        try:
            for event in watch(stub, request):
                seen.append((event.task_id, event.state, event.result))
                heard_at = time.monotonic()
                request = pb.WatchResultsRequest(cursor=event.cursor, queues=[QUEUE], follow=True)
                if len(seen) == count:
                    break
        except grpc.RpcError as error:
            say("again", error.code().name)
            time.sleep(0.02)
    replay = pb.WatchResultsRequest(start=pb.RESULT_START_BEGINNING, queues=[QUEUE])
    kept = persist(lambda: [(event.task_id, event.state, event.result) for event in watch(stub, replay)])
    for task_id, state, result in kept:
        say("result", task_pb.TaskState.Name(state), task_id, result.decode())
    say("same" if seen == kept else "other", len(seen), len(kept))


role = {"producer": produce, "worker": work, "observer": observe}[sys.argv[1]]
role(grpc.insecure_channel(sys.argv[2], options=RECONNECTING), int(sys.argv[3]))
