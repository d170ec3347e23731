import { Buffer } from 'node:buffer';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { nowMs, pauseMs } from '../clock.ts';
import {
  BytesSchema,
  Calls,
  CountCallsResponseSchema,
  DownRequestSchema,
  UpResponseSchema,
} from '../control/gen/control_pb.ts';
import { spreadOf } from '../statistics.ts';
import { findSystem } from '../systems/index.ts';
import type { CallerAsks, CallLoad, CallPace, CallsMade, Transfer } from './messages.ts';

const PATH = `/${Calls.typeName}`;
/** A call that nobody answers fails, and the run with it. */
const DEADLINE_MS = 60_000;

const asItIs = (bytes: Buffer): Buffer => bytes;

/** A message of so many bytes of data, encoded. */
function encodeBytes(bytes: number): Buffer {
  return Buffer.from(toBinary(BytesSchema, create(BytesSchema, { data: Buffer.alloc(bytes, 'x') })));
}

/** A message to be echoed that no other call of this load has. */
function numbered(template: Buffer, number: number): Buffer {
  const request = Buffer.from(template);
  request.writeUInt32BE(number, request.byteLength - 4);
  return request;
}

/** An ordinary stub of grpc-js that leaves the bytes of messages as they are: what a codec costs is no part of a call. */
class Caller {
  readonly #client: grpc.Client;
  readonly #metadata = new grpc.Metadata();

  constructor(address: string, metadata: Readonly<Record<string, string>>) {
    this.#client = new grpc.Client(address, grpc.credentials.createInsecure());
    for (const [key, value] of Object.entries(metadata)) this.#metadata.set(key, value);
  }

  #options(): grpc.CallOptions {
    return { deadline: Date.now() + DEADLINE_MS };
  }

  call(method: string, request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const path = `${PATH}/${method}`;
      this.#client.makeUnaryRequest(path, asItIs, asItIs, request, this.#metadata, this.#options(), (error, answer) =>
        error ? reject(error) : resolve(answer!),
      );
    });
  }

  async echo(request: Buffer): Promise<void> {
    const answer = await this.call('Echo', request);
    if (!request.equals(answer)) throw new Error(`an answer of ${answer.byteLength} bytes is not its request`);
  }

  down(request: Buffer): grpc.ClientReadableStream<Buffer> {
    const path = `${PATH}/Down`;
    return this.#client.makeServerStreamRequest(path, asItIs, asItIs, request, this.#metadata, this.#options());
  }

  up(answer: (error: Error | null, response?: Buffer) => void): grpc.ClientWritableStream<Buffer> {
    return this.#client.makeClientStreamRequest(`${PATH}/Up`, asItIs, asItIs, this.#metadata, this.#options(), answer);
  }

  close(): void {
    this.#client.close();
  }
}

async function callMany(caller: Caller, { calls, forMs, outstanding, bytes }: CallLoad): Promise<CallsMade> {
  const template = encodeBytes(bytes);
  const tookMs: number[] = [];
  let made = 0;
  const startedAt = nowMs();
  const deadline = startedAt + forMs;
  const callInTurn = async (): Promise<void> => {
    for (let at = nowMs(); made < calls && at < deadline; ) {
      made += 1;
      await caller.echo(numbered(template, made));
      const now = nowMs();
      tookMs.push(now - at);
      at = now;
    }
  };
  await Promise.all(Array.from({ length: outstanding }, callInTurn));
  return { tookMs: nowMs() - startedAt, spread: spreadOf(tookMs) };
}

async function keepPace(caller: Caller, { perSecond, forMs, bytes }: CallPace): Promise<CallsMade> {
  const template = encodeBytes(bytes);
  const tookMs: number[] = [];
  const under: Promise<void>[] = [];
  const startedAt = nowMs();
  const count = Math.floor((forMs / 1_000) * perSecond);
  for (let at = 0; at < count; at += 1) {
    await pauseMs(Math.max(0, startedAt + (at / perSecond) * 1_000 - nowMs()));
    const from = nowMs();
    under.push(caller.echo(numbered(template, at)).then(() => void tookMs.push(nowMs() - from)));
  }
  await Promise.all(under);
  return { tookMs: nowMs() - startedAt, spread: spreadOf(tookMs) };
}

async function takeDown(caller: Caller, { messages, bytes }: Transfer): Promise<number> {
  const wholeBytes = encodeBytes(bytes).byteLength;
  const startedAt = nowMs();
  let at = 0;
  for await (const message of caller.down(
    Buffer.from(toBinary(DownRequestSchema, create(DownRequestSchema, { messages, bytes }))),
  )) {
    if (message.byteLength !== wholeBytes || message.readUInt32BE(wholeBytes - bytes) !== at) {
      throw new Error(`message ${at} is another one`);
    }
    at += 1;
  }
  if (at !== messages) throw new Error(`${at} of ${messages} messages came`);
  return nowMs() - startedAt;
}

async function sendUp(caller: Caller, { messages, bytes }: Transfer): Promise<number> {
  const message = encodeBytes(bytes);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const startedAt = nowMs();
  const call = caller.up((error, answer) => (error ? reject(error) : resolve(answer!)));
  let left = messages;
  function send(): void {
    while (left > 0) {
      left -= 1;
      if (!call.write(message)) {
        call.once('drain', send);
        return;
      }
    }
    call.end();
  }
  send();
  const taken = fromBinary(UpResponseSchema, await promise);
  if (taken.messages !== messages || taken.bytes !== BigInt(messages * bytes)) {
    throw new Error(`${taken.messages} messages of ${taken.bytes} bytes came, not ${messages} of ${messages * bytes}`);
  }
  return nowMs() - startedAt;
}

export function createCallerRole(): CallerAsks {
  let caller: Caller | undefined;
  const opened = (): Caller => {
    if (!caller) throw new Error('nothing was opened');
    return caller;
  };
  return {
    async open({ system, address }) {
      caller = new Caller(address, findSystem(system).callMetadata ?? {});
    },
    call: (load) => callMany(opened(), load),
    pace: (pace) => keepPace(opened(), pace),
    down: (transfer) => takeDown(opened(), transfer),
    up: (transfer) => sendUp(opened(), transfer),
    async count() {
      return Number(fromBinary(CountCallsResponseSchema, await opened().call('CountCalls', Buffer.alloc(0))).calls);
    },
    close: async () => caller?.close(),
  };
}
