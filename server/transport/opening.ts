import type net from 'node:net';

/** How HTTP/2 begins where both ends know that they speak it; no method of HTTP/1 begins so. */
const PREFACE_BEGIN = Buffer.from('PRI ');
const CAPITAL_A = 0x41;
const CAPITAL_Z = 0x5a;

/** What a client speaks over its connection. */
export type Spoken = 'http2' | 'http1';

/** What begins with these bytes; undefined: more of them have to come. What is neither is for HTTP/2, which refuses it. */
export function tellSpoken(first: Uint8Array): Spoken | undefined {
  const [letter = 0] = first;
  if (letter < CAPITAL_A || letter > CAPITAL_Z) return 'http2';
  const head = PREFACE_BEGIN.subarray(0, first.length);
  if (!head.equals(first.subarray(0, PREFACE_BEGIN.length))) return 'http1';
  return head.length === PREFACE_BEGIN.length ? 'http2' : undefined;
}

/**
 * Waits for the first bytes of a connection and tells what they begin; they are still to be read then. A client that
 * says nothing is not waited for by a timer of this: whoever counts connections has one.
 */
export function hearFirst(socket: net.Socket, onTold: (spoken: Spoken) => void): void {
  let heard: Buffer | undefined;

  function onReadable(): void {
    const more = socket.read() as Buffer | null;
    // The connection has ended, perhaps.
    if (more === null) return;
    heard = heard ? Buffer.concat([heard, more]) : more;
    const spoken = tellSpoken(heard);
    if (spoken === undefined) return;
    socket.off('readable', onReadable);
    socket.unshift(heard);
    onTold(spoken);
  }

  socket.on('readable', onReadable);
}
