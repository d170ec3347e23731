import { createServer } from 'node:http2';
import type net from 'node:net';
import { ContactError } from '../../shared/errors.ts';
import { toStatus } from '../../shared/status.ts';

/** How HTTP/2 begins where both ends know that they speak it; nothing else begins so. */
const PREFACE_BEGIN = 'PRI';
/** Methods of HTTP/1. */
const HTTP_1 = /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT) /;
const SPEAKS_TLS = 'the server speaks TLS, and this client does not';
const ANSWER_1 = `HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${SPEAKS_TLS}\n`;
/** From its first call on, in which all calls are told why. */
const LIFE_MS = 2_000;

/** Tells clients that do not speak TLS that the server does. */
export interface PlainSpoken {
  /** Takes a connection whose first bytes are `first`, still to be read; closes it soon. */
  take(socket: net.Socket, first: Buffer): void;
  close(): void;
}

export function createPlainSpoken(): PlainSpoken {
  const advice = { reason: 'TLS_NEEDED', retry: 'backoff' } as const;
  const { code, details, metadata } = toStatus(new ContactError('UNAVAILABLE', SPEAKS_TLS, { advice }));
  const status = { 'grpc-status': String(code), 'grpc-message': encodeURI(details), ...metadata.getMap() };
  const server = createServer({ settings: { maxConcurrentStreams: 100, initialWindowSize: 0 }, maxSessionMemory: 1 });
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...status }, { endStream: true });
    stream.close();
  });
  server.on('sessionError', () => undefined);
  server.on('session', (session) => session.on('error', () => undefined));
  return {
    take(socket, first) {
      const text = first.toString('latin1', 0, 8);
      if (text.startsWith(PREFACE_BEGIN)) server.emit('connection', socket);
      else if (HTTP_1.test(text)) socket.end(ANSWER_1);
      else {
        socket.destroy();
        return;
      }
      const timer = setTimeout(() => socket.destroy(), LIFE_MS);
      socket.once('close', () => clearTimeout(timer));
    },
    close() {
      server.close();
    },
  };
}
