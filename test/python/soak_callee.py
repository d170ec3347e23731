"""The echo service for the soak of reverse RPC: ADDRESS CLIENT FILE; comes back by itself, notes each call in FILE."""

import json
import os
import sys
import time

import echo_pb2 as echo
import echo_pb2_grpc as rpc
import grpc
from contact_callee import Callee

ADDRESS, CLIENT, FILE = sys.argv[1:]
FAIL_DETAILS = "as it was told: 100 % ☺"
lines = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


class Noted:
    """One call: that it began, what it is to do, and that it is over."""

    def __init__(self, context):
        self.context = context
        self.metadata = dict(context.invocation_metadata())
        self.id = self.metadata["x-call"]

    def note(self, kind):
        os.write(lines, (json.dumps({"kind": kind, "id": self.id, "isKept": "contact-task" in self.metadata}) + "\n").encode())

    def __enter__(self):
        self.note("began")
        self.context.send_initial_metadata([("x-initial", self.id)])
        self.context.set_trailing_metadata([("x-trailing-bin", self.id.encode())])
        end = time.monotonic() + int(self.metadata.get("x-sleep-ms", 0)) / 1000
        while time.monotonic() < end and self.context.is_active():
            time.sleep(0.01)
        if "x-fail" in self.metadata:
            self.note("finished")
            self.context.abort(grpc.StatusCode.FAILED_PRECONDITION, FAIL_DETAILS)

    def __exit__(self, *_):
        self.note("finished")


class Echo(rpc.EchoServicer):
    def Unary(self, request, context):
        with Noted(context):
            return request

    def Down(self, request, context):
        with Noted(context):
            for count in range(request.count):
                yield echo.Message(body=request.body, count=count)

    def Up(self, requests, context):
        with Noted(context):
            count, size = 0, 0
            for request in requests:
                count, size = count + 1, size + len(request.body)
            return echo.Summary(messages=count, bytes=size)

    def Chat(self, requests, context):
        with Noted(context):
            for request in requests:
                yield echo.Message(body=request.body)


callee = Callee(ADDRESS, CLIENT, on_serving=lambda: print("serving", flush=True))
rpc.add_EchoServicer_to_server(Echo(), callee)
callee.run()
