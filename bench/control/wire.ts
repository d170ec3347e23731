import { type DescMethod, type DescService, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import type * as grpc from '@grpc/grpc-js';
import { Calls, Control } from './gen/control_pb.ts';

// Not shared/grpc.ts: a control that used code of the product would become slower with it, and hide that it did.

type Definition = grpc.MethodDefinition<Message, Message>;

function serializer(schema: DescMethod['input']): (message: Message) => Buffer {
  return (message) => {
    const bytes = toBinary(schema, message, { writeUnknownFields: false });
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function deserializer(schema: DescMethod['input']): (bytes: Buffer) => Message {
  return (bytes) => fromBinary(schema, bytes, { readUnknownFields: false });
}

/** What grpc-js needs to know of a service. */
function define(service: DescService): grpc.ServiceDefinition {
  return Object.fromEntries(
    service.methods.map((method): [string, Definition] => [
      method.localName,
      {
        path: `/${service.typeName}/${method.name}`,
        requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
        responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
        requestSerialize: serializer(method.input),
        requestDeserialize: deserializer(method.input),
        responseSerialize: serializer(method.output),
        responseDeserialize: deserializer(method.output),
      },
    ]),
  );
}

export const controlService = define(Control);
export const callsService = define(Calls);
