"""Calls what the examples serve with ordinary stubs: `caller.py ADDRESS CLIENT_ID`."""

import sys

import grpc

import calculate_pb2
import calculate_pb2_grpc
import helloworld_pb2
import helloworld_pb2_grpc
import orders_pb2
import orders_pb2_grpc
import recommend_pb2
import recommend_pb2_grpc
import route_guide_pb2 as guide
import route_guide_pb2_grpc

# To this client; without it, to whoever serves the method and has the most room.
to = [("contact-client", sys.argv[2])]

with grpc.insecure_channel(sys.argv[1]) as channel:
    greeter = helloworld_pb2_grpc.GreeterStub(channel)
    print(greeter.SayHello(helloworld_pb2.HelloRequest(name="Ada"), metadata=to + [("contact-wait", "10s")]).message)

    orders = orders_pb2_grpc.OrderHandlerStub(channel)
    order = orders_pb2.OrderRequest(user="ada", items={"tea": 2, "scones": 3})
    print(orders.create_order(order, metadata=to).json)

    calculate = calculate_pb2_grpc.CalculateStub(channel)
    print(f"{calculate.Square(calculate_pb2.Number(value=1.5), metadata=to).value:g}")

    recommend = recommend_pb2_grpc.UserRecommendStub(channel)
    request = recommend_pb2.RecommendRequest(user_id=2**60, seen=[2**53 + 2])
    for item in recommend.user_recommend(request, metadata=to).items:
        print(item.id, item.name, f"{item.score.value:g}", *item.score.reasons)

    routes = route_guide_pb2_grpc.RouteGuideStub(channel)
    print(routes.GetFeature(guide.Point(latitude=41, longitude=-74), metadata=to).name)
    area = guide.Rectangle(lo={"latitude": 1}, hi={"latitude": 3})
    print(", ".join(feature.name for feature in routes.ListFeatures(area, metadata=to)))
    summary = routes.RecordRoute((guide.Point(latitude=n) for n in range(1, 6)), metadata=to)
    print(summary.point_count, "points,", summary.feature_count, "features")
    for note in routes.RouteChat((guide.RouteNote(message=text) for text in ("one", "two")), metadata=to):
        print(note.message)
    try:
        routes.GetFeature(guide.Point(), metadata=to)
    except grpc.RpcError as error:
        print(error.code().name, error.details())

    # It is kept until the client is there, whenever that is.
    durable = to + [("contact-mode", "durable")]
    print(greeter.SayHello(helloworld_pb2.HelloRequest(name="whoever comes"), metadata=durable).message)
