"""A worker from bare stubs that takes tasks and never answers: classic or v1, as it is told."""

import os
import sys
import uuid

import grpc


def take_classic(channel):
    import contact_pb2 as pb
    import contact_pb2_grpc as rpc

    for _ in rpc.ContactStub(channel).getTask(pb.Empty()):
        yield 1


def take_v1(channel):
    from contact.v1 import contact_pb2 as pb
    from contact.v1 import contact_pb2_grpc as rpc

    session = [("contact-client", "python-holder"), ("contact-session", uuid.uuid4().hex)]
    registration = pb.GetTaskRequest(queues=["default"], max_in_flight=10)
    for message in rpc.ContactServiceStub(channel).GetTask(registration, metadata=session):
        yield len(message.tasks.tasks)


take = {"classic": take_classic, "v1": take_v1}[sys.argv[2]]
held = 0
try:
    for count in take(grpc.insecure_channel(sys.argv[1])):
        held += count
        print("holds", held, "as", os.getpid(), flush=True)
except grpc.RpcError as error:
    print("ended", error.code().name, flush=True)
