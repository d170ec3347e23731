import assert from 'node:assert/strict';
import net from 'node:net';
import { until } from '../scene/until.ts';
import { askWeb, sendRaw } from '../scene/web.ts';
import { prepareAttacks, scale } from './attack.ts';

const HOST = 'host: localhost\r\n';
const JSON_TYPE = 'content-type: application/json\r\n';
/** A request that nobody may find inside of another. */
const SMUGGLED = `POST /v1/queues/smuggled/tasks HTTP/1.1\r\n${HOST}${JSON_TYPE}content-length: 2\r\n\r\n{}`;
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const begin = (headers: string): string => `POST /v1/queues/seen/tasks HTTP/1.1\r\n${HOST}${JSON_TYPE}${headers}`;
const both = `content-length: 6\r\ntransfer-encoding: chunked\r\n`;

/** What one reader takes for the end of a request, and another for its middle. */
const AMBIGUOUS: readonly (readonly [title: string, bytes: string])[] = [
  ['a length and chunks', begin(`${both}\r\n0\r\n\r\n${SMUGGLED}`)],
  ['chunks and a length', begin(`transfer-encoding: chunked\r\ncontent-length: 6\r\n\r\n0\r\n\r\n${SMUGGLED}`)],
  ['two lengths', begin(`content-length: 2\r\ncontent-length: ${2 + SMUGGLED.length}\r\n\r\n{}${SMUGGLED}`)],
  ['a list of lengths', begin(`content-length: 2, 400\r\n\r\n{}${SMUGGLED}`)],
  ['a length with a sign', begin(`content-length: +2\r\n\r\n{}${SMUGGLED}`)],
  ['a negative length', begin(`content-length: -2\r\n\r\n{}${SMUGGLED}`)],
  ['a length of another base', begin(`content-length: 0x2\r\n\r\n{}${SMUGGLED}`)],
  ['a length beyond all numbers', begin(`content-length: 99999999999999999999\r\n\r\n{}${SMUGGLED}`)],
  ['an unknown coding', begin(`transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`)],
  ['chunks that are not last', begin(`transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${SMUGGLED}`)],
  ['a coding twice', begin(`transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n${SMUGGLED}`)],
  ['a blank before the colon', begin(`transfer-encoding : chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`)],
  ['a folded header', begin(`transfer-encoding:\r\n chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n${SMUGGLED}`)],
  ['a vertical tab', begin(`transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`)],
  ['a NUL in a header', begin(`x: a\0b\r\ncontent-length: 2\r\n\r\n{}${SMUGGLED}`)],
  ['line feeds alone', begin('content-length: 2\r\n\r\n{}').replaceAll('\r\n', '\n') + SMUGGLED],
  ['a carriage return alone', begin(`x: a\rtransfer-encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`)],
  ['a chunk of an odd size', begin(`transfer-encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n${SMUGGLED}`)],
  ['a chunk beyond all numbers', begin(`transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}${SMUGGLED}`)],
  ['a chunk longer than it says', begin(`transfer-encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n${SMUGGLED}`)],
  [
    'a body with GET',
    `GET /v1/queues HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    'an older version',
    `POST /v1/queues/seen/tasks HTTP/1.0\r\n${HOST}transfer-encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  ['another version', `POST /v1/queues/seen/tasks HTTP/3.7\r\n${HOST}\r\n${SMUGGLED}`],
  [
    'an upgrade to HTTP/2',
    `GET /v1/queues HTTP/1.1\r\n${HOST}connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n${SMUGGLED}`,
  ],
  ['a tunnel', `CONNECT localhost:80 HTTP/1.1\r\n${HOST}\r\n${SMUGGLED}`],
  ['a request behind a request', begin(`content-length: 2\r\n\r\n{}${SMUGGLED}`)],
];

describe('attack by requests of HTTP/1 that two readers take in two ways', () => {
  const attack = prepareAttacks();

  it('none is answered as two, and nothing inside of one is done', async function () {
    await attack(this, async (server) => {
      const answers = await Promise.all(AMBIGUOUS.map(([, bytes]) => sendRaw(server, bytes)));
      answers.forEach((answer, at) => {
        const count = answer.match(/^HTTP\/1\.1 (?!100)/gm)?.length ?? 0;
        assert.ok(count <= 1, `${AMBIGUOUS[at]![0]}: ${answer}`);
      });
      const { json } = await askWeb(server, '/v1/tasks/count?queue=smuggled');
      assert.equal(json.total, 0);
      // Of all of them these alone mean one thing: a chunked body that is empty, and what comes before another.
      assert.ok((await askWeb(server, '/v1/tasks/count?queue=seen')).json.total <= 2);
    });
  });
});

describe('attack by HTTP/1 without end', () => {
  const attack = prepareAttacks();

  /** Sends parts until the other end has enough of it, or all are sent. */
  function flood({ port }: { readonly port: number }, head: string, part: Buffer, parts: number): Promise<string> {
    return new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      let answer = '';
      let sent = 0;
      const send = (): void => {
        while (sent++ < parts && !socket.destroyed) if (!socket.write(part)) return void socket.once('drain', send);
        socket.end();
      };
      socket.on('error', () => undefined);
      socket.on('data', (piece) => {
        answer += piece.toString('latin1');
      });
      socket.on('close', () => resolve(answer.split('\r\n')[0]!));
      socket.write(head);
      send();
    });
  }

  it('headers, lines, bodies and chunks are refused at their bound', async function () {
    await attack(this, async (server) => {
      const times = scale(10, 100);
      const refused = async (head: string, part: string, status: number, parts = 200): Promise<void> => {
        const one = Buffer.from(part.repeat(Math.ceil(65_536 / part.length)));
        const lines = await Promise.all(Array.from({ length: times }, () => flood(server, head, one, parts)));
        // Whoever goes on sending loses what it was answered.
        for (const line of lines) assert.ok(line === '' || line.startsWith(`HTTP/1.1 ${status} `), line);
      };
      await refused(`GET / HTTP/1.1\r\n${HOST}x: `, 'x', 431);
      await refused('GET /', 'x', 431);
      await refused(`GET / HTTP/1.1\r\n${HOST}`, 'a: b\r\n', 431);
      await refused(begin('content-length: 1000000000\r\n\r\n'), 'x', 413);
      // A body in pieces of one byte, which does not end.
      await refused(begin('transfer-encoding: chunked\r\n\r\n'), chunk('x'), 400, 8);
      await refused(begin('transfer-encoding: chunked\r\n\r\n1;'), 'x', 413);
      assert.equal((await askWeb(server, '/v1/tasks/count')).json.ready, 0);
    });
  });

  it('heads and bodies that come a byte at a time hold nothing up, and are closed', async function () {
    await attack(this, async (server) => {
      const count = scale(100, 1_000);
      const heads = [
        `GET /v1/queues HTTP/1.1\r\n${HOST}x: `,
        begin('content-length: 1000\r\n\r\n'),
        begin('transfer-encoding: chunked\r\n\r\n'),
        'P',
      ];
      const slow = Array.from({ length: count }, (_, n) => {
        const one = { socket: net.connect(server.port, '127.0.0.1'), isClosed: false };
        one.socket.on('error', () => undefined).resume();
        one.socket.on('close', () => {
          one.isClosed = true;
        });
        one.socket.write(heads[n % heads.length]!);
        return one;
      });
      const timer = setInterval(() => {
        for (const { socket, isClosed } of slow) if (!isClosed) socket.write('1');
      }, 500);
      try {
        // Heads have ten seconds; bodies of who is let in have the time of the slowest line.
        await until(
          'heads that do not end are closed',
          () => slow.every(({ isClosed }, n) => n % 4 !== 0 || isClosed),
          20_000,
        );
      } finally {
        clearInterval(timer);
        for (const { socket } of slow) socket.destroy();
      }
    });
  });
});
