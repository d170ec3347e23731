"""Calls the echo service at an address with messages of raw bytes, and prints a transcript of each case, a line of JSON each.

A transcript is all that the library tells: initial metadata, messages, status and trailing metadata. Cases that begin with
`own:` end with a status in the words of whoever notices first: of those it has the code alone.
"""

import base64
import hashlib
import json
import queue
import sys

import grpc

import echo_pb2 as echo

WINDOW = 262144
GZIP, DEFLATE = grpc.Compression.Gzip, grpc.Compression.Deflate
# No length of a chunk or window is a multiple of its own.
PATTERN = bytes(at * 7 & 0xFF for at in range(251))

channel = grpc.insecure_channel(sys.argv[1], options=[("grpc.max_receive_message_length", -1)])
unary = channel.unary_unary("/echo.Echo/Unary")
down = channel.unary_stream("/echo.Echo/Down")
up = channel.stream_unary("/echo.Echo/Up")
chat = channel.stream_stream("/echo.Echo/Chat")


def fill(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def message(body, count=0):
    return echo.Message(body=body, count=count).SerializeToString()


def sized(size):
    """A message that has exactly so many bytes on the wire; the smallest but the empty one has three."""
    return message(next(body for body in (fill(size - less) for less in range(size + 1)) if len(message(body)) == size))


def script(**steps):
    return b"!do " + json.dumps(steps).encode()


def pairs(metadata):
    """In the order of keys, and under each in its own: HTTP gives no meaning to the order of different keys."""
    in_order = sorted(metadata or (), key=lambda pair: pair[0])
    return [(key, base64.b64encode(value).decode() if isinstance(value, bytes) else value) for key, value in in_order]


def short(data):
    return repr(data) if len(data) < 300 else f"{len(data)} bytes {hashlib.sha256(data).hexdigest()}"


def transcript(call, messages):
    return {
        "headers": pairs(call.initial_metadata()),
        "messages": [short(one) for one in messages],
        "status": [call.code().name, call.details()],
        "trailers": pairs(call.trailing_metadata()),
    }


def one(method, request, **options):
    try:
        answer, call = method.with_call(request, **options)
        return transcript(call, [answer])
    except grpc.RpcError as error:
        return transcript(error, [])


def many(method, request, **options):
    call, messages = method(request, **options), []
    try:
        for answer in call:
            messages.append(answer)
    except grpc.RpcError:
        pass
    return transcript(call, messages)


def ping_pong(sizes):
    """Sends each request when the answer to the one before has come."""
    requests = queue.Queue()
    call, messages, left = chat(iter(requests.get, None)), [], list(sizes)
    requests.put(sized(left.pop(0)))
    for answer in call:
        messages.append(answer)
        requests.put(sized(left.pop(0)) if left else None)
    return transcript(call, messages)


def cancelled_after_begin():
    call = up.future(iter(queue.Queue().get, None), timeout=20)
    call.cancel()
    return {"status": call.code().name}


def cancelled_after_first():
    requests = queue.Queue()
    requests.put(sized(31415))
    call = chat(iter(requests.get, None))
    first = next(call)
    call.cancel()
    return {"messages": [short(first)], "status": call.code().name}


def code_of(told):
    return {"status": told["status"][0], "messages": told["messages"]}


SIZES = [0, 5, 16383, 16384, 16385, 65535, 65536, WINDOW - 33, WINDOW - 32, WINDOW - 1, WINDOW, WINDOW + 1, 3000000]
ODD_MESSAGES = [
    "test status message",
    "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n",
    "100% off, a%20b, %zz",
    "",
]
METADATA = [("x-a", "one"), ("x-b", "a, b"), ("x-a", "two"), ("x-c-bin", bytes(range(256))), ("x-c-bin", b""), ("x-a", "three"),
            ("x-d", " begins"), ("x-e", "ends  "), ("x-f", "  "), ("x-g", "")]
TEXTS = [["x-initial", "1"], ["x-initial", "2"], ["x-other", " in the middle "], ["x-initial", "3"]]
BYTES = [["x-trail-bin", base64.b64encode(one).decode()] for one in (b"ab", bytes([0, 255]), b"\x00")]


def cases():
    for size in SIZES:
        yield f"unary of {size} bytes", lambda size=size: one(unary, sized(size))
    yield "empty_unary", lambda: one(unary, b"")
    yield "large_unary", lambda: one(unary, sized(271828))
    yield "server_streaming", lambda: many(down, message(fill(50000), 20))
    yield "server_streaming of many", lambda: many(down, message(fill(10), 2000))
    yield "server_streaming of nothing", lambda: many(down, b"")
    yield "client_streaming", lambda: one(up, (sized(size) for size in [27182, 8, 1828, 45904] + SIZES))
    yield "client_streaming of nothing", lambda: one(up, iter([]))
    yield "ping_pong", lambda: ping_pong([27182, 8, 1828, 45904] + SIZES)
    yield "bidi of many", lambda: many(chat, (sized(n * 999) for n in range(1, 60)))
    yield "empty_stream", lambda: many(chat, iter([]))
    yield "metadata to the callee", lambda: one(unary, message(script(tell=True)), metadata=METADATA)
    for name, call in (("unary", lambda request: one(unary, request)), ("down", lambda request: many(down, request)),
                       ("chat", lambda request: many(chat, iter([request]))), ("up", lambda request: one(up, iter([request])))):
        def do(count=0, call=call, **steps):
            return lambda: call(message(script(**steps), count))
        yield f"metadata from the callee, {name}", do(headers=TEXTS, trailers=BYTES + TEXTS, count=2)
        yield f"headers alone, {name}", do(headers=BYTES, count=1)
        yield f"status without an answer, {name}", do(code=5, message="no such order")
        yield f"status with headers and trailers, {name}", do(code=9, message="x", headers=TEXTS, trailers=BYTES)
        yield f"status with details, {name}", do(code=3, message="wrong", details=base64.b64encode(bytes([8, 3, 255])).decode())
        for code in range(1, 17):
            yield f"code {code}, {name}", do(code=code, message=f"code {code}")
        for text in ODD_MESSAGES:
            yield f"special_status_message {text!r}, {name}", do(code=2, message=text)
    yield "status after answers", lambda: many(chat, (message(body) for body in (b"one", b"two", script(code=2, message="enough"))))
    for compression in (GZIP, DEFLATE):
        for size in SIZES:
            yield f"{compression.name} request of {size} bytes", lambda size=size, c=compression: one(unary, sized(size), compression=c)
        yield f"{compression.name} requests", lambda c=compression: one(up, (sized(n * 999) for n in range(1, 60)), compression=c)
        yield f"{compression.name} both ways", lambda c=compression: many(chat, (sized(n * 999) for n in range(1, 60)), compression=c)
        yield f"{compression.name} answer", lambda c=compression: one(unary, message(script(compress=int(c), pad="a" * 100000)))
        yield f"{compression.name} answers", lambda c=compression: many(down, message(script(compress=int(c), pad="a" * 10000), 50))
    yield "cancel_after_begin", cancelled_after_begin
    yield "cancel_after_first_response", cancelled_after_first
    yield "own: timeout_on_sleeping_server", lambda: many(chat, iter([message(b"!sleep")]), timeout=0.2)
    yield "own: timeout of a unary call", lambda: one(unary, message(b"!sleep"), timeout=0.2)
    yield "own: unimplemented_method", lambda: one(channel.unary_unary("/echo.Echo/Nothing"), b"")
    yield "own: unimplemented_service", lambda: one(channel.unary_unary("/echo.Other/Unary"), b"")


for title, run in cases():
    told = run()
    print(json.dumps([title, code_of(told) if title.startswith("own:") else told]), flush=True)
