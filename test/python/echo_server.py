"""The echo service: `direct` as an ordinary server, `callee ADDRESS` through a contact server."""

import json
import sys
import time
from concurrent import futures

import grpc

import echo_pb2 as echo
import echo_pb2_grpc as rpc


class Echo(rpc.EchoServicer):
    def Unary(self, request, context):
        if request.body == b"!metadata":
            seen = [(key, list(v) if isinstance(v, bytes) else v) for key, v in context.invocation_metadata() if key.startswith("x-")]
            context.send_initial_metadata([pair for pair in context.invocation_metadata() if pair[0] == "x-initial"])
            context.set_trailing_metadata([pair for pair in context.invocation_metadata() if pair[0] == "x-trailing-bin"])
            return echo.Message(body=json.dumps(sorted(seen)).encode())
        if request.body == b"!status":
            context.set_trailing_metadata([("grpc-status-details-bin", bytes([8, 9, 255]))])
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "nö: 100% off\t☺")
        if request.body == b"!sleep":
            while context.is_active():
                time.sleep(0.01)
        return request

    def Down(self, request, context):
        for count in range(request.count):
            yield echo.Message(body=request.body, count=count)

    def Up(self, requests, context):
        count, size = 0, 0
        for request in requests:
            count, size = count + 1, size + len(request.body)
        return echo.Summary(messages=count, bytes=size)

    def Chat(self, requests, context):
        for request in requests:
            yield echo.Message(body=request.body)


if sys.argv[1] == "direct":
    options = [("grpc.max_receive_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=options)
    rpc.add_EchoServicer_to_server(Echo(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"serving 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()
else:
    import callee

    handlers = callee.Handlers()
    rpc.add_EchoServicer_to_server(Echo(), handlers)
    channel = grpc.insecure_channel(sys.argv[2])
    callee.serve(channel, "python", handlers, lambda: print("serving", flush=True))
