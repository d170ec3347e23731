import {
  create,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';

// protobuf-es describes, grpc-js carries: this file is the whole bridge. Decoded `bytes` are views into the received
// frame, so copy what outlives the turn.

type In<M extends DescMethod> = MessageShape<M['input']>;
type Out<M extends DescMethod> = MessageShape<M['output']>;
type InInit<M extends DescMethod> = MessageInitShape<M['input']>;
type OutInit<M extends DescMethod> = MessageInitShape<M['output']>;

/** The grpc-js handler that a method descriptor asks for. */
export type Handler<M extends DescMethod> = M extends DescMethodUnary
  ? grpc.handleUnaryCall<In<M>, OutInit<M>>
  : M extends DescMethodServerStreaming
    ? grpc.handleServerStreamingCall<In<M>, OutInit<M>>
    : M extends DescMethodClientStreaming
      ? grpc.handleClientStreamingCall<In<M>, OutInit<M>>
      : M extends DescMethodBiDiStreaming
        ? grpc.handleBidiStreamingCall<In<M>, OutInit<M>>
        : never;

export type Handlers<S extends DescService> = { [K in keyof S['method']]: Handler<S['method'][K]> };

interface Unary<I, O> {
  (request: I, callback: grpc.requestCallback<O>): grpc.ClientUnaryCall;
  (
    request: I,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    callback: grpc.requestCallback<O>,
  ): grpc.ClientUnaryCall;
}

/** The grpc-js client method that a method descriptor asks for. */
export type Caller<M extends DescMethod> = M extends DescMethodUnary
  ? Unary<InInit<M>, Out<M>>
  : M extends DescMethodServerStreaming
    ? (request: InInit<M>, metadata?: grpc.Metadata, options?: grpc.CallOptions) => grpc.ClientReadableStream<Out<M>>
    : M extends DescMethodClientStreaming
      ? (
          metadata: grpc.Metadata,
          options: grpc.CallOptions,
          callback: grpc.requestCallback<Out<M>>,
        ) => grpc.ClientWritableStream<InInit<M>>
      : M extends DescMethodBiDiStreaming
        ? (metadata?: grpc.Metadata, options?: grpc.CallOptions) => grpc.ClientDuplexStream<InInit<M>, Out<M>>
        : never;

export type GrpcClient<S extends DescService> = grpc.Client & { [K in keyof S['method']]: Caller<S['method'][K]> };

type Schema = DescMethod['input'];

/**
 * Codecs written by hand, by the names of their types: each does for what it knows exactly what protobuf-es does, and
 * answers undefined for the rest.
 */
export interface HandCodecs {
  // biome-ignore lint/suspicious/noExplicitAny: each takes the message of its name.
  readonly encode: Readonly<Record<string, (value: any) => Buffer | undefined>>;
  readonly decode: Readonly<Record<string, (bytes: Uint8Array) => MessageShape<Schema> | undefined>>;
}

function serializer(schema: Schema, codecs?: HandCodecs): (value: MessageInitShape<Schema>) => Buffer {
  const encode = codecs?.encode[schema.typeName];
  return (value) => {
    const encoded = encode?.(value);
    if (encoded) return encoded;
    const bytes = toBinary(schema, create(schema, value));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function deserializer(schema: Schema, codecs?: HandCodecs): (bytes: Buffer) => MessageShape<Schema> {
  const decode = codecs?.decode[schema.typeName];
  return (bytes) => decode?.(bytes) ?? fromBinary(schema, bytes);
}

type Definition = Record<string, grpc.MethodDefinition<MessageInitShape<Schema>, MessageShape<Schema>>>;

/** The path of a method on the wire: `/package.Service/Method`. */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** What grpc-js wants to know of each method of a service. */
export function defineService(service: DescService, codecs?: HandCodecs): Definition {
  const definition: Definition = {};
  for (const method of service.methods) {
    definition[method.localName] = {
      path: methodPath(method),
      originalName: method.localName,
      requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
      responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
      requestSerialize: serializer(method.input, codecs),
      requestDeserialize: deserializer(method.input, codecs),
      responseSerialize: serializer(method.output, codecs),
      responseDeserialize: deserializer(method.output, codecs),
    };
  }
  return definition;
}

/** A typed client; `address` is HOST:PORT or any grpc-js target. */
export function createClient<S extends DescService>(
  service: S,
  address: string,
  credentials: grpc.ChannelCredentials,
  options: grpc.ClientOptions = {},
  codecs?: HandCodecs,
): GrpcClient<S> {
  const Client = grpc.makeGenericClientConstructor(defineService(service, codecs), service.typeName);
  return new Client(address, credentials, options) as unknown as GrpcClient<S>;
}
