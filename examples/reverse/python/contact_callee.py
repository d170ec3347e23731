"""Serves ordinary gRPC servicers to callers of a contact server, over one connection that this process opens.

Needs the generated stubs of contact/v1/reverse.proto and contact/v1/contact.proto, whose comments are the rules, and
contact_call.py beside it. Live calls of all four kinds, durable calls of unary methods; comes back by itself when the
connection or the server is lost.

    callee = Callee("127.0.0.1:50051", "robot-7")
    helloworld_pb2_grpc.add_GreeterServicer_to_server(Greeter(), callee)
    callee.run()  # until somebody calls callee.stop()
"""

import base64
import queue
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import grpc
from contact.v1 import contact_pb2, contact_pb2_grpc, reverse_pb2, reverse_pb2_grpc

from contact_call import LOG, WINDOW, Broken, Call, Context, reader_of, writer_of

BATCH = 65536
RETRIED = ("UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED")  # a durable call that ends so is run again
# What is put among frames to be sent: the server wants to hear; no new calls; a call is over; the stream is.
PONG, LEAVE, LOOK, GONE = "pong", "leave", "look", "gone"
KEEPALIVE = [("grpc.keepalive_time_ms", 20000), ("grpc.keepalive_timeout_ms", 10000), ("grpc.http2.ping_timeout_ms", 10000)]


def read_metadata(metadata):
    """Of a task, which anybody may have stored: values of a key are joined with commas, bytes are in base64."""
    pairs = [pair for pair in metadata.items() if not pair[0].endswith("-bin")]
    for key, values in metadata.items():
        for value in values.split(",") if key.endswith("-bin") else ():
            try:
                pairs.append((key, base64.b64decode(value + "=" * (-len(value) % 4))))
            except ValueError as error:
                raise Broken(grpc.StatusCode.INTERNAL, f"metadata {key} is no base64") from error
    return pairs


class Callee:
    """Give it to `add_...Servicer_to_server` in place of a server."""

    def __init__(self, address, client_id, labels={}, max_calls=100, connect=grpc.insecure_channel, on_serving=lambda: None):
        self.address, self.client_id, self.labels, self.max_calls = address, client_id, labels, max_calls
        self.connect, self.on_serving = connect, on_serving
        self.handlers, self.calls, self.out, self.task_stream = {}, {}, queue.Queue(), ()
        self.stopped, self.session = threading.Event(), uuid.uuid4().hex

    def add_generic_rpc_handlers(self, handlers):
        for one in handlers:
            self.handlers.update({path[1:]: handler for path, handler in one._method_handlers.items()})

    def add_methods(self, service, handlers):
        """By name, without generated code: `{"Square": grpc.unary_unary_rpc_method_handler(square, loads, dumps)}`."""
        self.handlers.update({f"{service}/{name}": handler for name, handler in handlers.items()})

    add_registered_method_handlers = add_methods

    def run(self):
        """Serves until `stop()`; raises grpc.RpcError when the server says at once that coming again is of no use."""
        tasks = threading.Thread(target=self.come_again, args=(self.take_tasks,), daemon=True)
        tasks.start()
        with ThreadPoolExecutor(self.max_calls) as pool:
            self.come_again(lambda channel: self.serve(channel, pool))
        if self.task_stream:
            self.task_stream.cancel()
        tasks.join()

    def stop(self):
        """Takes no new calls; `run()` comes back when those that run are finished."""
        self.stopped.set()
        self.out.put(LEAVE)

    def come_again(self, work):
        """Each failure waits twice as long as the one before, at most 5 s, drawn at random; one that lasted begins anew."""
        failures, told = 0, None
        while not self.stopped.is_set():
            began_at = time.monotonic()
            try:
                # A connection of its own for each try, or grpc would add a backoff of its own.
                options = KEEPALIVE + [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
                with self.connect(self.address, options=options) as channel:
                    work(channel)
            except grpc.RpcError as error:
                if dict(error.trailing_metadata() or ()).get("contact-retry") == "never" and failures == 0:
                    raise
                trouble = f"{error.code().name}: {error.details()}"
                if (trouble != told or time.monotonic() - began_at > 5) and not self.stopped.is_set():
                    LOG.warning("%s at %s: %s; trying on", self.client_id, self.address, trouble)
                told = trouble
            except Exception:
                # This half is not to end alone and unseen.
                LOG.exception("%s at %s", self.client_id, self.address)
            failures = 0 if time.monotonic() - began_at > 5 else failures + 1
            self.stopped.wait(random.uniform(0, min(5, 0.1 * 2**failures)))

    def serve(self, channel, pool):
        self.out, self.calls, may_send = queue.Queue(), {}, WINDOW
        metadata = [("contact-client", self.client_id), ("contact-session", self.session)]
        try:
            for answer in reverse_pb2_grpc.ReverseServiceStub(channel).Serve(self.uplink(self.out), metadata=metadata):
                if answer.HasField("accepted"):
                    may_send = answer.accepted.window
                    for one in answer.accepted.refused:
                        LOG.warning("%s is not served: %s", one.method, one.message)
                    self.on_serving()
                elif not answer.frames:
                    self.out.put(PONG)
                for frame in answer.frames:
                    self.take(frame, may_send, pool)
        finally:
            for call in list(self.calls.values()):
                call.cancel()
            self.out.put(GONE)

    def take(self, frame, may_send, pool):
        if frame.HasField("open"):
            call = self.calls[frame.call] = Call(frame.call, may_send, self.out)
            pairs = [(p.key, p.value if p.key.endswith("-bin") else p.value.decode()) for p in frame.open.metadata.pairs]
            context = Context(pairs, frame.open.timeout_ms, call)
            running = pool.submit(call.run, self.handlers[frame.open.method], context)
            running.add_done_callback(lambda _, calls=self.calls, out=self.out: (calls.pop(frame.call), out.put(LOOK)))
        call = self.calls.get(frame.call)
        if call:
            call.hear(frame)

    def announce(self, methods):
        limits = {"window": WINDOW, "max_calls": self.max_calls, "labels": self.labels}
        return reverse_pb2.ServeRequest(announce={"methods": methods, "revision": 1, **limits})

    def uplink(self, out):
        """What this end says: frames as they come, those that are there in one message of about 64 KiB."""
        yield self.announce(list(self.handlers))
        if self.stopped.is_set():
            out.put(LEAVE)
        is_leaving = False
        while not (is_leaving and not self.calls and out.empty()):
            batch, size, word = [], 0, out.get()
            while word not in (PONG, LEAVE, LOOK, GONE):
                batch.append(word)
                size += word.ByteSize()
                word = LOOK if size >= BATCH or out.empty() else out.get()
            if batch:
                yield reverse_pb2.ServeRequest(frames=batch)
            if word is GONE:
                return
            if word is PONG:
                yield reverse_pb2.ServeRequest()
            is_leaving |= word is LEAVE
            if word is LEAVE:
                yield self.announce([])

    def take_tasks(self, channel):
        """Durable calls, one at a time: tasks of the queues that have the names of unary methods."""
        queues = [path for path, one in self.handlers.items() if not (one.request_streaming or one.response_streaming)]
        session = [("contact-client", self.client_id), ("contact-session", uuid.uuid4().hex)]
        stub = contact_pb2_grpc.ContactServiceStub(channel)
        request = contact_pb2.GetTaskRequest(queues=queues, max_in_flight=1, labels=self.labels)
        self.task_stream = stub.GetTask(request, metadata=session) if queues else ()
        for message in self.task_stream:
            for task in message.tasks.tasks:
                self.answer_task(stub, session, task)

    def answer_task(self, stub, session, task):
        context, handler, result = Context([("contact-task", task.task_id)]), self.handlers[task.queue], b""
        try:
            context.metadata = read_metadata(task.metadata) + context.metadata
            result = writer_of(handler)(handler.unary_unary(reader_of(handler)(task.payload), context))
        except BaseException as error:  # sys.exit() of a handler too, which would end this thread
            context.fail(error)
        name = {"task_id": task.task_id, "delivery": task.delivery}
        code, message = context.status()
        if code is grpc.StatusCode.OK:
            report = {"succeeded": [{"result": result, "content_type": "application/protobuf", **name}]}
        else:
            retry = contact_pb2.RETRY_UNSPECIFIED if code.name in RETRIED else contact_pb2.RETRY_NEVER
            problem = {"code": code.name, "message": message, "details": context.details}
            report = {"failed": [{"error": problem, "retry": retry, **name}]}
        while True:
            told = stub.TellResult(iter([contact_pb2.TellResultRequest(**report)]), metadata=session).outcomes[0]
            if told.code != contact_pb2.OUTCOME_CODE_RETRY_LATER:
                break
            time.sleep(told.after_ms / 1000)
