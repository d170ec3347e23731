"""Calls the echo service at an address with ordinary stubs, and prints what each case comes to, a line each."""

import hashlib
import queue
import sys

import grpc

import echo_pb2 as echo
import echo_pb2_grpc as rpc

channel = grpc.insecure_channel(sys.argv[1], options=[("grpc.max_receive_message_length", -1)])
stub = rpc.EchoStub(channel)
WINDOW = 262144


# No length of a chunk or window is a multiple of its own.
PATTERN = bytes(at * 7 & 0xFF for at in range(251))


def fill(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def short(body):
    return body if len(body) < 300 else f"{len(body)} bytes {hashlib.sha256(body).hexdigest()}"


def ours(metadata):
    """Repeated ones in their order; what the library or HTTP adds is not the callee's."""
    return [(key, value) for key, value in metadata if key.startswith("x-") or key.startswith("grpc-status")]


def case(title, run):
    try:
        print(title, "|", run())
    except grpc.RpcError as error:
        print(title, "|", error.code(), error.details(), ours(error.trailing_metadata()))


def with_metadata():
    pairs = [("x-initial", "one"), ("x-other", "a, b"), ("x-initial", "two")]
    pairs += [("x-trailing-bin", bytes([0, 255])), ("x-trailing-bin", b"ab")]
    answer, call = stub.Unary.with_call(echo.Message(body=b"!metadata"), metadata=pairs)
    return answer.body, ours(call.initial_metadata()), ours(call.trailing_metadata()), call.code(), call.details()


def code_of(run):
    """The words are each server's own, or of whichever end is first."""
    try:
        return run()
    except grpc.RpcError as error:
        return error.code()


def cancelled_after_begin():
    # An answer that nobody waits for, so that the cancel is first.
    call = stub.Up.future(iter(queue.Queue().get, None), timeout=20)
    call.cancel()
    return call.code()


def cancelled_after_first():
    call = stub.Down(echo.Message(body=fill(1000), count=1000000))
    next(call)
    call.cancel()
    return call.code()


for size in [0, 5, 16383, 16384, 16385, WINDOW - 33, WINDOW - 1, WINDOW, WINDOW + 1, 3000000]:
    case(f"unary of {size}", lambda: short(stub.Unary(echo.Message(body=fill(size))).body))
case("metadata", with_metadata)
case("status", lambda: stub.Unary(echo.Message(body=b"!status")))
case("answers", lambda: [short(one.body) for one in stub.Down(echo.Message(body=fill(50000), count=20))])
case("no answers", lambda: list(stub.Down(echo.Message())))
case("empty answers", lambda: len(list(stub.Down(echo.Message(count=500)))))
case("requests", lambda: str(stub.Up(echo.Message(body=fill(n * 999)) for n in range(60))))
case("no requests", lambda: str(stub.Up(iter([]))))
case("chat", lambda: [short(one.body) for one in stub.Chat(echo.Message(body=fill(n * 5000)) for n in range(30))])
case("deadline", lambda: code_of(lambda: stub.Unary(echo.Message(body=b"!sleep"), timeout=0.2)))
case("cancelled after begin", cancelled_after_begin)
case("cancelled after first", cancelled_after_first)
case("no such method", lambda: code_of(lambda: channel.unary_unary("/echo.Echo/Nothing")(b"")))
case("no such service", lambda: code_of(lambda: channel.unary_unary("/echo.Other/Unary")(b"")))
