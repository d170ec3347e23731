import { isatty } from 'node:tty';

/**
 * SIGHUP means two things: the terminal is gone, and the program with it; or an operator wants the configuration to be read
 * anew. A terminal that is gone is none any more when it is asked.
 */
export function onHangUp({ reload, stop }: { readonly reload: () => void; readonly stop: () => void }): () => void {
  const terminal = [0, 1, 2].find((fd) => isatty(fd));
  const listener = (): void => (terminal !== undefined && !isatty(terminal) ? stop() : reload());
  process.on('SIGHUP', listener);
  return () => process.off('SIGHUP', listener);
}
