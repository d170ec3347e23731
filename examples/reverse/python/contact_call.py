"""One call as a servicer sees it, and one live call in the tunnel: contact_callee.py has the connection."""

import logging
import threading
import time

import grpc
from contact.v1 import reverse_pb2

LOG = logging.getLogger("contact")  # Without handlers of the program, warnings and errors go to stderr.
WINDOW = 262144  # bytes of one call that may be on their way here
CHUNK = 16384
MESSAGE_COST = 32


class Aborted(Exception):
    """The handler has ended the call with a status."""


class Broken(Exception):
    """The call ends with this status in the words of grpc.server, and not in those of its handler."""


class Over(Exception):
    """Nobody hears the handler any more: the caller has gone, or its deadline has passed."""


def write_metadata(pairs):
    return reverse_pb2.Metadata(pairs=[{"key": k, "value": v if isinstance(v, bytes) else v.encode()} for k, v in pairs or () if not k.startswith("contact-")])


def checked(convert, words):
    """A serializer whose failures are INTERNAL, as grpc.server has it; None: the bytes themselves."""

    def run(value):
        try:
            return convert(value) if convert else value
        except Exception as error:
            raise Broken(grpc.StatusCode.INTERNAL, words) from error

    return run


def reader_of(handler):
    return checked(handler.request_deserializer, "Exception deserializing request!")


def writer_of(handler):
    return checked(handler.response_serializer, "Failed to serialize response!")


class Context:
    """What handlers get of `grpc.ServicerContext`. A task has no caller that could hear headers and trailers."""

    def __init__(self, metadata, timeout_ms=0, call=None):
        self.metadata, self.call, self.trailers, self.details = metadata, call, write_metadata(()), b""
        self.code, self.message = grpc.StatusCode.OK, ""
        self.ends_at = time.monotonic() + timeout_ms / 1000 if timeout_ms else None

    def invocation_metadata(self):
        return self.metadata

    def time_remaining(self):
        return None if self.ends_at is None else max(0, self.ends_at - time.monotonic())

    def is_active(self):
        return not (self.call and self.call.is_over) and self.time_remaining() != 0

    def send_initial_metadata(self, pairs):
        if self.call:
            self.call.say(headers=write_metadata(pairs))

    def peer(self):
        return dict(self.metadata).get("contact-caller", "")

    def set_trailing_metadata(self, pairs):
        # What cannot be sent is the handler's failure.
        self.trailers = write_metadata(pair for pair in pairs or () if pair[0] != "grpc-status-details-bin")
        self.details = bytes(dict(pairs or ()).get("grpc-status-details-bin", b""))

    def set_code(self, code):
        self.code = code

    def set_details(self, details):
        self.message = details

    def set_compression(self, compression):
        pass  # answers are not compressed

    def abort(self, code, details):
        # Nothing is aborted with OK.
        self.code, self.message = (grpc.StatusCode.UNKNOWN, "") if code is grpc.StatusCode.OK else (code, details)
        raise Aborted(code, details)

    def abort_with_status(self, status):
        self.set_trailing_metadata(status.trailing_metadata)
        self.abort(status.code, status.details)

    def fail(self, error):
        if isinstance(error, Broken):
            self.code, self.message = error.args
        elif not isinstance(error, Aborted):
            LOG.error("a handler has failed", exc_info=error)
            self.code, self.message = grpc.StatusCode.UNKNOWN, f"Exception calling application: {error}"

    def status(self):
        """Code and message, whatever the handler has set: a code that is none of gRPC's is UNKNOWN, as grpc.server has it."""
        code = self.code if isinstance(self.code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN
        message = self.message or ""
        return code, message if isinstance(message, str) else str(message)


class Call:
    """A live call: its windows, and the messages that came and were not read."""

    def __init__(self, number, may_send, out):
        self.number, self.may_send, self.out = number, may_send, out
        self.changed = threading.Condition()
        self.messages, self.parts, self.parts_cost, self.due = [], [], 0, 0
        self.is_waiting = self.is_half_closed = self.is_over = False

    def say(self, **fields):
        self.out.put(reverse_pb2.Frame(call=self.number, **fields))

    def give_back(self, cost):
        self.due += cost
        if self.due >= WINDOW / 2:
            self.say(window=self.due)
            self.due = 0

    def hear(self, frame):
        with self.changed:
            if frame.HasField("data"):
                cost = len(frame.data) + (0 if frame.more else MESSAGE_COST)
                self.parts.append(frame.data)
                # Of a message that is not whole only while somebody waits for it: else a large one would never be.
                if self.is_waiting:
                    self.give_back(cost)
                else:
                    self.parts_cost += cost
                if not frame.more:
                    self.messages.append((b"".join(self.parts), self.parts_cost))
                    self.parts, self.parts_cost, self.is_waiting = [], 0, False
            self.is_half_closed |= frame.half_close
            self.is_over |= frame.cancel
            self.may_send += frame.window
            self.changed.notify_all()

    def cancel(self):
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def requests(self, context, read):
        while True:
            with self.changed:
                while not self.messages:
                    if self.is_half_closed and not self.is_over:
                        return
                    self.is_waiting = True
                    self.give_back(self.parts_cost)
                    self.parts_cost = 0
                    self.wait(context)
                message, cost = self.messages.pop(0)
                self.give_back(cost)
            yield read(message)

    def send(self, context, data):
        for at in range(0, max(1, len(data)), CHUNK):
            chunk, is_last = data[at : at + CHUNK], at + CHUNK >= len(data)
            cost = len(chunk) + (MESSAGE_COST if is_last else 0)
            with self.changed:
                while self.may_send < cost or self.is_over:
                    self.wait(context)
                self.may_send -= cost
            self.say(data=chunk, more=not is_last, size=len(data) if at == 0 and not is_last else 0)

    def wait(self, context):
        if not context.is_active():
            raise Over
        self.changed.wait(context.time_remaining())

    def run(self, handler, context):
        try:
            given, write = self.requests(context, reader_of(handler)), writer_of(handler)
            kinds = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
            answer = kinds[2 * handler.request_streaming + handler.response_streaming]
            answers = answer(given if handler.request_streaming else self.only(given), context)
            for answer in answers if handler.response_streaming else [answers]:
                self.send(context, write(answer))
        except Over:
            return
        except BaseException as error:  # sys.exit() of a handler too: without an end its caller would wait for ever
            context.fail(error)
        code, message = context.status()
        status = {"code": code.value[0], "message": message, "status_details": context.details}
        self.say(end=reverse_pb2.End(trailers=context.trailers, **status))

    def only(self, given):
        for request in given:
            return request
        raise Broken(grpc.StatusCode.UNIMPLEMENTED, "requires exactly one request message.")
