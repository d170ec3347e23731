"""A worker from bare stubs, classic contract, whose calls carry a token over TLS."""

import sys

import grpc

import contact_pb2 as pb
import contact_pb2_grpc as rpc

address, token_file, ca_file = sys.argv[1:]
token = ("authorization", "Bearer " + open(token_file).read().strip())
me = [("contact-client", "shout-1"), token]
ca = grpc.ssl_channel_credentials(open(ca_file, "rb").read())


def results(stub):
    try:
        for task in stub.getTask(pb.Empty(), metadata=me):
            yield pb.Result(ret=task.task.upper())
    except grpc.RpcError:
        # Either call may hear first that it is over: the other one, which ends with the results, says why.
        return


with grpc.secure_channel(address, ca) as channel:
    stub = rpc.ContactStub(channel)
    try:
        stub.tellResult(results(stub), metadata=me)
    except grpc.RpcError as error:
        print("ended", error.code().name, error.details(), flush=True)
