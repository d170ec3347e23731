import { once } from 'node:events';
import { create } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { createCalls } from './calls.ts';
import {
  type Bytes,
  BytesSchema,
  CountCallsResponseSchema,
  type DownRequest,
  UpResponseSchema,
} from './gen/control_pb.ts';
import { callsService } from './wire.ts';

// What a caller would reach if it could: a server of bare grpc-js with the handlers of the callee. Prints `listening
// HOST:PORT`.

const calls = createCalls();

function echo({ request }: grpc.ServerUnaryCall<Bytes, Bytes>, answer: grpc.sendUnaryData<Bytes>): void {
  answer(null, create(BytesSchema, calls.echo(request)));
}

async function down(call: grpc.ServerWritableStream<DownRequest, Bytes>): Promise<void> {
  for await (const message of calls.down(call.request)) {
    if (!call.write(create(BytesSchema, message))) await once(call, 'drain');
  }
  call.end();
}

function up(call: grpc.ServerReadableStream<Bytes, unknown>, answer: grpc.sendUnaryData<unknown>): void {
  calls.up(call).then((response) => answer(null, create(UpResponseSchema, response)), answer);
}

function countCalls(_: unknown, answer: grpc.sendUnaryData<unknown>): void {
  answer(null, create(CountCallsResponseSchema, calls.countCalls()));
}

const server = new grpc.Server();
server.addService(callsService, { echo, down, up, countCalls });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening 127.0.0.1:${port}`);
});
