"""Serves ordinary servicer classes to callers of a contact server, from bare stubs: the rules are in reverse.proto."""

import queue
import threading

import grpc
from contact.v1 import reverse_pb2 as pb
from contact.v1 import reverse_pb2_grpc as rpc

WINDOW = 262144
CHUNK = 16384
MESSAGE_COST = 32
# Ends the thread that sends.
GONE = object()


class Handlers:
    """What `add_...Servicer_to_server` fills."""

    def __init__(self):
        self.by_path = {}

    def add_generic_rpc_handlers(self, handlers):
        for handler in handlers:
            self.by_path.update(handler._method_handlers)

    def add_registered_method_handlers(self, service, handlers):
        self.by_path.update({f"/{service}/{name}": handler for name, handler in handlers.items()})


class Abort(Exception):
    pass


class Cancelled(Exception):
    pass


def write_metadata(pairs):
    values = [(key, value if isinstance(value, bytes) else value.encode()) for key, value in pairs]
    return pb.Metadata(pairs=[pb.Pair(key=key, value=value) for key, value in values])


class Context:
    """What of `grpc.ServicerContext` these servicers use."""

    def __init__(self, call, opened):
        self.call, self.opened, self.trailers, self.status_details = call, opened, (), b""

    def invocation_metadata(self):
        pairs = self.opened.metadata.pairs
        return [(p.key, p.value if p.key.endswith("-bin") else p.value.decode()) for p in pairs]

    def time_remaining(self):
        return self.opened.timeout_ms / 1000 if self.opened.timeout_ms else None

    def is_active(self):
        return not self.call.is_over

    def set_compression(self, compression):
        pass

    def send_initial_metadata(self, pairs):
        self.call.say(headers=write_metadata(pairs))

    def set_trailing_metadata(self, pairs):
        self.trailers = [pair for pair in pairs if pair[0] != "grpc-status-details-bin"]
        self.status_details = dict(pairs).get("grpc-status-details-bin", b"")

    def abort(self, code, details):
        raise Abort(code.value[0], details)


class Call:
    def __init__(self, number, out):
        self.number, self.out = number, out
        self.changed = threading.Condition()
        self.may_send = 0
        self.messages, self.part, self.part_cost, self.due = [], b"", 0, 0
        self.is_waiting = self.is_half_closed = self.is_over = False

    def say(self, **fields):
        self.out.put(pb.Frame(call=self.number, **fields))

    def give_back(self, cost):
        self.due += cost
        if self.due >= WINDOW / 2:
            self.say(window=self.due)
            self.due = 0

    def hear(self, frame):
        with self.changed:
            if frame.HasField("data"):
                cost = len(frame.data) + (0 if frame.more else MESSAGE_COST)
                self.part += frame.data
                if self.is_waiting:
                    self.give_back(cost)
                else:
                    self.part_cost += cost
                if not frame.more:
                    self.messages.append((self.part, self.part_cost))
                    self.part, self.part_cost, self.is_waiting = b"", 0, False
            self.is_half_closed |= frame.half_close
            self.is_over |= frame.cancel
            self.may_send += frame.window
            self.changed.notify_all()

    def requests(self, read):
        while True:
            with self.changed:
                while not self.messages:
                    if self.is_over:
                        raise Cancelled
                    if self.is_half_closed:
                        return
                    self.is_waiting = True
                    self.give_back(self.part_cost)
                    self.part_cost = 0
                    self.changed.wait()
                self.is_waiting = False
                message, cost = self.messages.pop(0)
                self.give_back(cost)
            yield read(message)

    def send(self, data):
        at = 0
        while True:
            count = min(CHUNK, len(data) - at)
            is_last = at + count == len(data)
            cost = count + (MESSAGE_COST if is_last else 0)
            with self.changed:
                while self.may_send < cost and not self.is_over:
                    self.changed.wait()
                if self.is_over:
                    raise Cancelled
                self.may_send -= cost
            size = len(data) if at == 0 and not is_last else 0
            self.say(data=data[at : at + count], more=not is_last, size=size)
            at += count
            if is_last:
                return

    def lose(self):
        """The stream is gone, and whoever waits is told."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def run(self, handler, opened, forget):
        try:
            self.answer(handler, opened)
        finally:
            forget(self.number, None)

    def answer(self, handler, opened):
        context = Context(self, opened)
        code, message = 0, ""
        try:
            requests = self.requests(handler.request_deserializer)
            given = requests if handler.request_streaming else next(requests)
            kinds = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
            answer = kinds[2 * handler.request_streaming + handler.response_streaming](given, context)
            for one in answer if handler.response_streaming else [answer]:
                self.send(handler.response_serializer(one))
        except Cancelled:
            return
        except Abort as abort:
            code, message = abort.args
        except Exception as error:
            code, message = 2, f"Exception calling application: {error}"
        trailers = write_metadata(context.trailers)
        self.say(end=pb.End(code=code, message=message, status_details=context.status_details, trailers=trailers))


def serve(channel, client_id, handlers, on_ready):
    """Answers calls until the server ends the stream."""
    out = queue.Queue()
    announce = pb.Announce(methods=[path[1:] for path in handlers.by_path], window=WINDOW)

    def uplink():
        yield pb.ServeRequest(announce=announce)
        while True:
            frame = out.get()
            if frame is GONE:
                return
            yield pb.ServeRequest() if frame is None else pb.ServeRequest(frames=[frame])

    calls, window = {}, 0
    try:
        for answer in rpc.ReverseServiceStub(channel).Serve(uplink(), metadata=[("contact-client", client_id)]):
            if answer.HasField("accepted"):
                window = answer.accepted.window
                on_ready()
            elif not answer.frames:
                out.put(None)
            for frame in answer.frames:
                if frame.HasField("open"):
                    call = calls[frame.call] = Call(frame.call, out)
                    call.may_send = window
                    handler = handlers.by_path["/" + frame.open.method]
                    threading.Thread(target=call.run, args=(handler, frame.open, calls.pop), daemon=True).start()
                call = calls.pop(frame.call, None) if frame.cancel else calls.get(frame.call)
                if call:
                    call.hear(frame)
    finally:
        for call in list(calls.values()):
            call.lose()
        out.put(GONE)
