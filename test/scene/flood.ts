import net from 'node:net';
import tls from 'node:tls';
import { atEnd } from './end.ts';

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
/** A PING frame: 8 bytes of anything. */
export const PING = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);

export interface FloodOptions {
  readonly port: number;
  /** Connections that are open at a time, as far as they are let. */
  readonly count: number;
  /** From where they come. Default 127.0.0.1. */
  readonly from?: string;
  /** Before one that was closed is opened anew. Default 5 ms. */
  readonly pauseMs?: number;
  /** What one does once it is open. Default: nothing. */
  readonly act?: ((socket: net.Socket) => void) | undefined;
}

export interface Flood {
  /** Connections that were closed, by whomever. */
  readonly closed: number;
  /** Opens no more, and closes all. */
  stop(): void;
}

/** Connections of somebody who wants them all: each that is closed is opened anew, until the end of the test. */
export function flood({ port, count, from = '127.0.0.1', pauseMs = 5, act }: FloodOptions): Flood {
  const sockets = new Set<net.Socket>();
  const timers = new Set<NodeJS.Timeout>();
  let closed = 0;
  let isOver = false;

  function open(): void {
    if (isOver) return;
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: from });
    sockets.add(socket);
    socket.on('error', () => undefined).resume();
    socket.once('connect', () => act?.(socket));
    socket.once('close', () => {
      sockets.delete(socket);
      closed += 1;
      const timer = setTimeout(() => {
        timers.delete(timer);
        open();
      }, pauseMs);
      timers.add(timer);
    });
  }

  function stop(): void {
    isOver = true;
    for (const timer of timers) clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
  }

  for (let n = 0; n < count; n++) open();
  atEnd(stop);
  return {
    get closed() {
      return closed;
    },
    stop,
  };
}

/** Speaks TLS and nothing else. */
export function speakTls(socket: net.Socket): void {
  const secure = tls.connect({ socket, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  secure.on('error', () => undefined).resume();
}

/** Begins HTTP/2 and says nothing more. */
export function speakSettings(socket: net.Socket): void {
  socket.write(Buffer.concat([PREFACE, SETTINGS]));
}

/** Begins HTTP/2 and pings for ever. */
export function speakPings(socket: net.Socket): void {
  speakSettings(socket);
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer);
    else socket.write(PING);
  }, 50);
  timer.unref();
}
