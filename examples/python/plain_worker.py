"""A plain worker: takes tasks, tells results one call each, and comes back by itself. plain_worker.py ADDRESS CLIENT QUEUE

Enough for most programs. It has no SendStatus stream: a task counts as begun when it was written to it, so give tasks a
`timeout_ms`; progress, logs and checkpoints are for full_worker.py. A result that was told and not acknowledged when this
program dies is told by nobody: the task runs again.
"""

import random
import sys
import time
import uuid

import grpc
from contact.v1 import contact_pb2 as pb
from contact.v1 import contact_pb2_grpc as rpc

# A line that is cut without a word is noticed by these pings, within half a minute.
KEEPALIVE = [
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
]
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


def handle(payload):
    """What this worker is for: bytes in, bytes out; what it raises is a failure."""
    if payload == b"fail":
        raise ValueError("it was told to fail")
    return payload.upper()


def run(task):
    """What became of a task, as it is told."""
    name = {"task_id": task.task_id, "delivery": task.delivery}
    try:
        return pb.TellResultRequest(succeeded=[pb.Succeeded(**name, result=handle(task.payload))])
    except Exception as error:
        return pb.TellResultRequest(failed=[pb.Failed(**name, error={"message": str(error)})])


def tell(stub, result, metadata):
    """Tells a result until the server has said what became of it: sent twice it is stored once."""
    while True:
        outcome = stub.TellResult(iter([result]), metadata=metadata, timeout=30).outcomes[0]
        if outcome.code != pb.OUTCOME_CODE_RETRY_LATER:
            return outcome.code
        time.sleep(outcome.after_ms / 1000)


def work(stub, client, queue, untold):
    """One session, until it ends. `untold`: the result that no answer has come for, of this session or of one before."""
    session = [("contact-client", client), ("contact-session", uuid.uuid4().hex)]
    while untold:
        print("told", pb.OutcomeCode.Name(tell(stub, untold[0], session)), flush=True)
        untold.pop()
    # One task at a time: the next one is pushed when the result of this one is stored.
    for message in stub.GetTask(pb.GetTaskRequest(queues=[queue], max_in_flight=1), metadata=session):
        if message.HasField("registered"):
            print("registered", flush=True)
        for task in message.tasks.tasks:
            untold.append(run(task))
            print("told", pb.OutcomeCode.Name(tell(stub, untold[0], session)), flush=True)
            untold.pop()


def pause_after(error, failures):
    """Seconds until the next try, by what the server has said; None: there is no use in one."""
    said = dict(error.trailing_metadata() or ())
    if said.get("contact-retry") == "never":
        return None
    if said.get("contact-retry") == "now":
        return random.uniform(0, 0.1)
    return random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**failures))


def main(address, client, queue):
    untold, failures = [], 0
    while True:
        began = time.monotonic()
        with grpc.insecure_channel(address, options=KEEPALIVE) as channel:
            try:
                work(rpc.ContactServiceStub(channel), client, queue, untold)
                pause = FIRST_PAUSE
            except grpc.RpcError as error:
                failures = 0 if time.monotonic() - began > LONGEST_PAUSE else failures + 1
                print("lost", error.code().name, error.details(), flush=True)
                pause = pause_after(error, failures)
        if pause is None:
            return 1
        time.sleep(pause)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
