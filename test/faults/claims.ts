import type { Claim, Told } from './trace.ts';

/** The client id of the worker whose connection is read. */
export const TRACED_WORKER = 'the-worker';

/** A task id, or the result of one. */
export const TOKENS = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|done-\d{6}/g;

export function resultOf(input: number): string {
  return `done-${String(input).padStart(6, '0')}`;
}

/** Who reads a connection shows in what it is told; what it is told says what must be on disk. */
export function readClaims(inputById: ReadonlyMap<string, number>): (told: Told) => Claim[] {
  const workers = new Set<string>();
  const pushed = new Set<string>();
  return ({ connection, text }) => {
    if (text.includes(TRACED_WORKER)) workers.add(connection);
    return (text.match(TOKENS) ?? []).map((token): Claim => {
      if (!workers.has(connection)) return { words: `told of ${token}`, needs: token };
      if (!pushed.has(token)) {
        pushed.add(token);
        return { words: `pushed ${token}`, needs: token };
      }
      return { words: `acknowledged the result of ${token}`, needs: resultOf(inputById.get(token) ?? -1) };
    });
  };
}
