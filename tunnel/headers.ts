import { Buffer } from 'node:buffer';
import type { Pair } from './frame.ts';
import { isLegal, isOfHttp } from './metadata.ts';

/**
 * The metadata in headers of HTTP/2 as they came, pairs in their order, repeated keys kept; without what belongs to the
 * connection, what is no metadata at all, and the keys in `dropped`.
 */
export function readPairs(rawHeaders: readonly string[], dropped: ReadonlySet<string>): readonly Pair[] {
  const pairs: Pair[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const key = rawHeaders[at]!;
    if (isOfHttp(key) || dropped.has(key)) continue;
    const value = rawHeaders[at + 1]!;
    // Several binary values may share a header.
    const values = key.endsWith('-bin') ? value.split(',').map((one) => Buffer.from(one, 'base64')) : [value];
    for (const each of values) {
      const pair = { key, value: each };
      if (isLegal(pair)) pairs.push(pair);
    }
  }
  return pairs;
}
