import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { constants } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { MessageSchema } from '../echo/gen/echo_pb.ts';
import { serveDirectly, startCallee } from '../scene/callers.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { dial, frame, open } from '../scene/http2.ts';
import { startScene } from '../scene/server.ts';

/**
 * Headers that are each server's own: servers of grpc-js add a date, say that all is in `+proto`, and name the encodings that
 * they know; contact says nothing that the callee has not said, repeats the caller's content type, and names its encodings.
 */
const OWN: ReadonlySet<string> = new Set(['date', 'content-type', 'grpc-accept-encoding', 'accept-encoding']);

/** What means the same as when it is left out. */
const SAYS_NOTHING: ReadonlySet<string> = new Set(['grpc-encoding: identity', 'grpc-message: ']);

/** What comes over HTTP/2, in its order: blocks of headers, with a mark where they end the stream, and all bytes between. */
type Transcript = readonly string[];

function record(address: string, method: string, body: Buffer, headers: Readonly<Record<string, string>> = {}) {
  const session = dial({ address });
  atEnd(() => session.destroy());
  const stream = open(session, `/echo.Echo/${method}`, headers);
  const heard: string[] = [];
  let data: Buffer[] = [];
  const hear = (rawHeaders: readonly string[], flags: number): void => {
    if (data.length > 0) heard.push(`data ${Buffer.concat(data).toString('base64')}`);
    data = [];
    const pairs: string[] = [];
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const key = rawHeaders[at]!;
      const pair = `${key}: ${rawHeaders[at + 1]}`;
      if (!OWN.has(key) && !SAYS_NOTHING.has(pair)) pairs.push(pair);
    }
    // The order of different keys has no meaning in HTTP; that of one key's values has.
    pairs.sort((a, b) => (a.split(':')[0]! < b.split(':')[0]! ? -1 : Number(a.split(':')[0] !== b.split(':')[0])));
    const isEnd = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    heard.push(`headers ${pairs.join(' | ')}${isEnd ? ' END' : ''}`);
  };
  stream.on('response', (_, flags, raw) => hear(raw ?? [], flags));
  stream.on('trailers', (_, flags, raw) => hear(raw ?? [], flags));
  stream.on('data', (bytes: Buffer) => data.push(bytes));
  stream.end(body);
  return new Promise<Transcript>((resolve) => {
    stream.on('close', () => resolve([...heard, `closed ${stream.rstCode}`]));
  });
}

const message = (body: Buffer | string, count = 0): Buffer =>
  Buffer.from(toBinary(MessageSchema, create(MessageSchema, { body: Buffer.from(body), count })));
const script = (steps: object): Buffer => message(`!do ${JSON.stringify(steps)}`, 2);
const base64 = (bytes: readonly number[]): string => Buffer.from(bytes).toString('base64');

const TEXTS = [
  ['x-a', 'one'],
  ['x-a', 'two, three'],
  ['x-b', 'a  b'],
];
const BYTES = [
  ['x-c-bin', base64([0, 255])],
  ['x-c-bin', base64([])],
  ['x-c-bin', base64([1])],
];

const CASES: Readonly<Record<string, readonly [method: string, body: Buffer, headers?: Record<string, string>]>> = {
  'an answer': ['Unary', frame(message('hello'))],
  'an empty answer': ['Unary', frame(Buffer.alloc(0))],
  'an answer of 100 KB': ['Unary', frame(message(Buffer.alloc(100_000, 'x')))],
  answers: ['Down', frame(message('again', 3))],
  'no answers: trailers alone': ['Down', frame(Buffer.alloc(0))],
  'no requests': ['Chat', Buffer.alloc(0)],
  'requests and answers': ['Chat', Buffer.concat(['a', 'b', 'c'].map((body) => frame(message(body))))],
  'a status alone: trailers alone': ['Unary', frame(script({ code: 5, message: 'no such order' }))],
  'a status with odd characters': ['Unary', frame(script({ code: 2, message: '\t\nwith ☺ and 😈, 100%\r\n' }))],
  'a status without words': ['Unary', frame(script({ code: 14, message: '' }))],
  'a status with details and trailers': [
    'Down',
    frame(script({ code: 3, message: 'x', details: base64([8, 3]), trailers: BYTES })),
  ],
  'headers, then a status': ['Down', frame(script({ code: 9, message: 'late', headers: TEXTS }))],
  'headers and trailers, repeated': [
    'Unary',
    frame(script({ headers: [...TEXTS, ...BYTES], trailers: [...BYTES, ...TEXTS] })),
  ],
  'a status after answers': [
    'Chat',
    Buffer.concat([frame(message('one')), frame(script({ code: 8, message: 'enough' }))]),
  ],
  'a compressed request': ['Unary', frame(gzipSync(message('hello')), true), { 'grpc-encoding': 'gzip' }],
};

describe('the answer of a live call on the wire', () => {
  afterEach(closeScene);

  for (const [what, [method, body, headers]] of Object.entries(CASES)) {
    it(`is what it is directly: ${what}`, async () => {
      const direct = await record(await serveDirectly(), method, body, headers);
      const { address } = await startScene();
      await startCallee(address);
      assert.deepEqual(await record(address, method, body, headers), direct);
    });
  }
});
