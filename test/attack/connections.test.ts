import net from 'node:net';
import { isFull } from '../scene/full.ts';
import type { ServerProcess } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import { prepareAttacks, scale } from './attack.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
/** A HEADERS frame of stream 1 that says it has 16,000 bytes. */
const ENDLESS_HEADERS = Buffer.from([0, 0x3e, 0x80, 1, 0, 0, 0, 0, 1]);

/** Three ping intervals and a window at the speed of the slowest line, and what a busy machine adds. */
const QUIET_MS = 60_000;

interface Caller {
  readonly socket: net.Socket;
  isClosed: boolean;
}

function callOnce(server: ServerProcess): Caller {
  const caller = { socket: net.connect(server.port, '127.0.0.1'), isClosed: false };
  caller.socket.on('error', () => undefined).resume();
  caller.socket.on('close', () => {
    caller.isClosed = true;
  });
  return caller;
}

describe('attack by connections', () => {
  const attack = prepareAttacks();

  it('connections that say nothing, and headers that come a byte a second', async function () {
    await attack(this, async (server) => {
      const callers = Array.from({ length: scale(300, 2_000) }, () => callOnce(server));
      for (const { socket } of callers.slice(0, callers.length / 2)) {
        socket.write(Buffer.concat([PREFACE, SETTINGS, ENDLESS_HEADERS]));
      }
      const timer = setInterval(() => {
        for (const { socket, isClosed } of callers.slice(0, callers.length / 2)) if (!isClosed) socket.write('@');
      }, 1_000);
      try {
        await until('they are taken', () => callers.every(({ socket }) => !socket.connecting));
        if (isFull) await until('they are closed', () => callers.every(({ isClosed }) => isClosed), QUIET_MS);
        else await new Promise((resolve) => setTimeout(resolve, 1_500));
      } finally {
        clearInterval(timer);
        for (const { socket } of callers) socket.destroy();
      }
    });
  });
});

/** Of these a server takes 824 connections: docs/limits.md. */
const DESCRIPTORS = 1_024;
const TAKEN = 824;

describe('attack by more connections than there are descriptors', () => {
  const attack = prepareAttacks({ under: ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh'] });

  it('those beyond what the server takes are closed at once', async function () {
    await attack(this, async (server) => {
      const callers: Caller[] = [];
      try {
        for (let round = 0; round < scale(2, 10); round++) {
          callers.push(...Array.from({ length: DESCRIPTORS }, () => callOnce(server)));
          const isDone = () => callers.filter(({ isClosed }) => !isClosed).length < TAKEN;
          await until('all beyond those are closed', isDone, 20_000);
        }
      } finally {
        for (const { socket } of callers) socket.destroy();
      }
    });
  });
});
