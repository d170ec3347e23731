import { connect } from 'node:net';
import { until } from '../clock.ts';

const START_MS = 60_000;

/** Resolves once somebody accepts connections there. */
export function untilListening(port: number): Promise<true> {
  return until(`a server on port ${port}`, START_MS, async () => {
    const socket = connect(port, '127.0.0.1');
    const { promise, resolve } = Promise.withResolvers<true | undefined>();
    socket.once('connect', () => resolve(true)).once('error', () => resolve(undefined));
    const isOpen = await promise;
    socket.destroy();
    return isOpen;
  });
}
