"""A callee in Python whose handler does what its request is named after: `odd_callee.py ADDRESS CLIENT_ID`."""

import signal
import sys

import grpc

import helloworld_pb2
import helloworld_pb2_grpc
from contact_callee import Callee


class Greeter(helloworld_pb2_grpc.GreeterServicer):
    def SayHello(self, request, context):
        name = request.name
        if name == "code of int":
            context.set_code(5)
        elif name == "abort with int":
            context.abort(5, "words")
        elif name == "abort with OK":
            context.abort(grpc.StatusCode.OK, "words")
        elif name == "no words":
            context.abort(grpc.StatusCode.NOT_FOUND, None)
        elif name == "no trailers":
            context.set_trailing_metadata(None)
        elif name == "trailers of int":
            context.set_trailing_metadata([("x", 1)])
        elif name == "exit":
            sys.exit(1)
        elif name == "no answer":
            return None
        return helloworld_pb2.HelloReply(message="answered")


callee = Callee(sys.argv[1], sys.argv[2], on_serving=lambda: print("serving", flush=True))
helloworld_pb2_grpc.add_GreeterServicer_to_server(Greeter(), callee)
own = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
callee.add_methods("contact.v1.Own", {"Do": own})
signal.signal(signal.SIGTERM, lambda *_: callee.stop())
callee.run()
