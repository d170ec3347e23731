"""What the examples serve, as ordinary servicers: `services.py ADDRESS CLIENT_ID`."""

import json
import signal
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
import route_guide_pb2
import route_guide_pb2_grpc
from contact_callee import Callee


class Greeter(helloworld_pb2_grpc.GreeterServicer):
    def SayHello(self, request, context):
        return helloworld_pb2.HelloReply(message=f"Hello, {request.name}!")


class OrderHandler(orders_pb2_grpc.OrderHandlerServicer):
    def create_order(self, request, context):
        items = dict(request.items)
        order = {"user": request.user, "items": items, "total": sum(items.values())}
        return orders_pb2.OrderReply(json=json.dumps(order, sort_keys=True, separators=(",", ":")))


class Calculate(calculate_pb2_grpc.CalculateServicer):
    def Square(self, request, context):
        return calculate_pb2.Number(value=request.value**2)


class UserRecommend(recommend_pb2_grpc.UserRecommendServicer):
    def user_recommend(self, request, context):
        items = [recommend_pb2.Item(id=2**53 + 1 + n, name=f"item {n}") for n in range(3)]
        for n, item in enumerate(items):
            item.score.value = n / 2
            item.score.reasons.extend(["seen before"] if item.id in request.seen else [])
        return recommend_pb2.RecommendReply(items=items)


class RouteGuide(route_guide_pb2_grpc.RouteGuideServicer):
    def GetFeature(self, point, context):
        if point.latitude == 0:
            context.abort(grpc.StatusCode.NOT_FOUND, "nothing at 0°")
        return route_guide_pb2.Feature(name="Berkshire Valley", location=point)

    def ListFeatures(self, area, context):
        for latitude in range(area.lo.latitude, area.hi.latitude + 1):
            yield route_guide_pb2.Feature(name=f"at {latitude}", location={"latitude": latitude})

    def RecordRoute(self, points, context):
        latitudes = [point.latitude for point in points]
        return route_guide_pb2.RouteSummary(point_count=len(latitudes), feature_count=sum(one % 2 == 0 for one in latitudes))

    def RouteChat(self, notes, context):
        for note in notes:
            yield route_guide_pb2.RouteNote(location=note.location, message=f"re: {note.message}")


callee = Callee(sys.argv[1], sys.argv[2], on_serving=lambda: print("serving", flush=True))
helloworld_pb2_grpc.add_GreeterServicer_to_server(Greeter(), callee)
orders_pb2_grpc.add_OrderHandlerServicer_to_server(OrderHandler(), callee)
calculate_pb2_grpc.add_CalculateServicer_to_server(Calculate(), callee)
recommend_pb2_grpc.add_UserRecommendServicer_to_server(UserRecommend(), callee)
route_guide_pb2_grpc.add_RouteGuideServicer_to_server(RouteGuide(), callee)
signal.signal(signal.SIGTERM, lambda *_: callee.stop())
callee.run()
