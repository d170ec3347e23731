"""The echo service: `direct` as an ordinary server, `callee ADDRESS` through a contact server."""

import base64
import json
import sys
import time
from concurrent import futures

import grpc

import echo_pb2 as echo
import echo_pb2_grpc as rpc


def read_pairs(pairs):
    return tuple((key, base64.b64decode(value) if key.endswith("-bin") else value) for key, value in pairs)


def tell(pairs):
    """What came, in the order of keys, and under each in its own."""
    seen = [[key, base64.b64encode(value).decode() if isinstance(value, bytes) else value] for key, value in pairs if key.startswith("x-")]
    return json.dumps(sorted(seen, key=lambda pair: pair[0]), separators=(",", ":")).encode()


def obey(body, context):
    """Does what a body says that begins with `!do`, which test/scene/echo.ts describes; answers the body of the answer."""
    if not body.startswith(b"!do "):
        return body
    steps = json.loads(body[4:])
    if "compress" in steps:
        context.set_compression(grpc.Compression(steps["compress"]))
    if "headers" in steps:
        context.send_initial_metadata(read_pairs(steps["headers"]))
    trailers = read_pairs(steps.get("trailers", []))
    if "details" in steps:
        trailers += (("grpc-status-details-bin", base64.b64decode(steps["details"])),)
    if trailers:
        context.set_trailing_metadata(trailers)
    if "code" in steps:
        context.abort(next(code for code in grpc.StatusCode if code.value[0] == steps["code"]), steps["message"])
    return tell(context.invocation_metadata()) if "tell" in steps else body


class Echo(rpc.EchoServicer):
    def Unary(self, request, context):
        if request.body == b"!sleep":
            while context.is_active():
                time.sleep(0.01)
        return echo.Message(body=obey(request.body, context))

    def Down(self, request, context):
        body = obey(request.body, context)
        for count in range(request.count):
            yield echo.Message(body=body, count=count)

    def Up(self, requests, context):
        count, size = 0, 0
        for request in requests:
            count, size = count + 1, size + len(obey(request.body, context))
        return echo.Summary(messages=count, bytes=size)

    def Chat(self, requests, context):
        for request in requests:
            while request.body == b"!sleep" and context.is_active():
                time.sleep(0.01)
            yield echo.Message(body=obey(request.body, context))


if sys.argv[1] == "direct":
    options = [("grpc.max_receive_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=options)
    rpc.add_EchoServicer_to_server(Echo(), server)
    port = server.add_insecure_port(sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:0")
    server.start()
    print(f"serving 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()
else:
    from contact_callee import Callee

    callee = Callee(sys.argv[2], "python", on_serving=lambda: print("serving", flush=True))
    rpc.add_EchoServicer_to_server(Echo(), callee)
    callee.run()
