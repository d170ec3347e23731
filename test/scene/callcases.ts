import { Buffer } from 'node:buffer';
import type { Metadata } from '@grpc/grpc-js';
import { digest, type EchoCaller, plain, type Reply, writeCallerMetadata } from './callers.ts';

const WINDOW = 262_144;
/** Of the field that holds a body: so many more bytes has the message. */
const BODY_OVERHEAD = 4;

/** Bytes no two stretches of which are the same. */
export function fill(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 7 + (at >> 9)) & 0xff;
  return bytes;
}

interface Stream {
  on(event: 'data', listener: (message: { body?: Uint8Array; count?: number }) => void): unknown;
  on(event: 'metadata', listener: (metadata: Metadata) => void): unknown;
  on(event: 'status', listener: (end: { code: number; details: string; metadata: Metadata }) => void): unknown;
  on(event: 'error', listener: () => void): unknown;
}

/** A stream to its end. */
export function readAll(stream: Stream): Promise<Reply> {
  return new Promise((resolve) => {
    const bodies: string[] = [];
    let headers = {};
    stream.on('error', () => undefined);
    stream.on('metadata', (metadata) => {
      headers = plain(metadata);
    });
    stream.on('data', ({ body, count }) => bodies.push(`${digest(body ?? new Uint8Array())} #${count}`));
    stream.on('status', ({ code, details, metadata }) =>
      resolve({ code, details, bodies, headers, trailers: plain(metadata) }),
    );
  });
}

/** What one case comes to, in a form that can be compared. */
export type Case = (caller: EchoCaller) => Promise<unknown>;

/** Calls of all kinds, each by its title: they come to the same wherever the service is. */
export const CALL_CASES: Readonly<Record<string, Case>> = {
  'a unary call': ({ unary }) => unary('hello'),
  'an empty message': ({ unary }) => unary(''),
  'messages about the size of a chunk': async ({ unary }) => {
    const sizes = [16_383, 16_384, 16_385, 16_384 - BODY_OVERHEAD];
    return Promise.all(sizes.map((size) => unary(fill(size))));
  },
  'messages about the size of a window': async ({ unary }) => {
    const sizes = [-33, -32, -31, -1, 0, 1, -BODY_OVERHEAD, -BODY_OVERHEAD - 32].map((more) => WINDOW + more);
    return Promise.all(sizes.map((size) => unary(fill(size))));
  },
  'a message of 3 MB': ({ unary }) => unary(fill(3_000_000)),
  'a status with odd characters and details': ({ unary }) => unary('!status'),
  'what a handler throws': ({ unary }) => unary('!throw it broke'),
  'metadata both ways, with repeated keys and bytes': async ({ unary }) => {
    const bytes = [Buffer.from([0, 255, 1]), Buffer.from([]), Buffer.from('ab')];
    const reply = await unary('!metadata', {
      metadata: { 'x-initial': ['one', 'two', 'three'], 'x-trailing-bin': bytes, 'x-other': 'a, b' },
    });
    const { deadline, caller, ...seen } = JSON.parse(reply.bodies[0]!);
    for (const key of ['accept-encoding', 'content-type', 'te', 'contact-caller']) delete seen[key];
    // A server of grpc-js cannot tell them from one value that has commas.
    seen['x-initial'] = seen['x-initial'].join(', ');
    return { ...reply, bodies: [], seen };
  },
  'answers in a stream': ({ client }) => readAll(client.down({ body: fill(20_000), count: 50 })),
  'empty answers in a stream': ({ client }) => readAll(client.down({ count: 300 })),
  'no answers in a stream': ({ client }) => readAll(client.down({})),
  'requests in a stream': ({ client }) =>
    new Promise((resolve, reject) => {
      const call = client.up(writeCallerMetadata(), {}, (error, summary) =>
        error ? reject(error) : resolve(`${summary!.messages} of ${summary!.bytes}`),
      );
      for (let count = 0; count < 60; count++) call.write({ body: fill(count * 1_000) });
      call.end();
    }),
  'no requests in a stream': ({ client }) =>
    new Promise((resolve, reject) => {
      const call = client.up(writeCallerMetadata(), {}, (error, summary) =>
        error ? reject(error) : resolve(`${summary!.messages} of ${summary!.bytes}`),
      );
      call.end();
    }),
  'ping-pong': async ({ client }) => {
    const call = client.chat();
    const replies = readAll(call);
    let count = 0;
    call.on('data', () => {
      count += 1;
      if (count < 20) call.write({ body: fill(count * 2_000) });
      else call.end();
    });
    call.write({ body: Buffer.from('first') });
    return replies;
  },
  'a stream that ends at once': async ({ client }) => {
    const call = client.chat();
    const replies = readAll(call);
    call.end();
    return replies;
  },
  'a method that nobody serves': ({ client }) =>
    new Promise((resolve) => {
      const path = '/echo.Echo/Nothing';
      const asItIs = (bytes: Buffer): Buffer => bytes;
      client.makeUnaryRequest(path, asItIs, asItIs, Buffer.alloc(0), (error) => resolve(error?.code));
    }),
  'a service that nobody serves': ({ client }) =>
    new Promise((resolve) => {
      const asItIs = (bytes: Buffer): Buffer => bytes;
      client.makeUnaryRequest('/echo.Other/Unary', asItIs, asItIs, Buffer.alloc(0), (error) => resolve(error?.code));
    }),
};
