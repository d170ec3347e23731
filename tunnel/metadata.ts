import type { Pair } from './frame.ts';

/** Keys and values of one call's metadata, each way, and how many pairs. */
export const MAX_METADATA_BYTES = 8_192;
export const MAX_METADATA_PAIRS = 64;

const KEY = /^[0-9a-z_.-]+$/;
const PRINTABLE = /^[ -~]*$/;

/** Keys that HTTP gives a meaning on one connection: sent on, they would break the caller's, or the whole server. */
const OF_HTTP: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The one key of gRPC's own that a callee may say, before its messages. */
export const ENCODING_KEY = 'grpc-encoding';

/** Keys that the server speaks with callers and callees by. */
const OURS = 'contact-';

/** The key by which who was to answer a call says whether it had begun with it. */
export const STARTED_KEY = 'contact-started';

/** What one end tells the other, without what is between either of them and the server. */
export function withoutOurs(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.some(({ key }) => key.startsWith(OURS)) ? pairs.filter(({ key }) => !key.startsWith(OURS)) : pairs;
}

/** Whether a key belongs to the connection that it came over, and not to the call. */
export function isOfHttp(key: string): boolean {
  return key.startsWith(':') || OF_HTTP.has(key);
}

/** Whether a pair may be sent as a header at all. */
export function isLegal({ key, value }: Pair): boolean {
  return KEY.test(key) && (typeof value === 'string' ? PRINTABLE.test(value) : key.endsWith('-bin'));
}

/** Why so much metadata is not taken; undefined: it is. */
export function refuseSize(pairs: readonly Pair[]): string | undefined {
  if (pairs.length > MAX_METADATA_PAIRS)
    return `${pairs.length} pairs of metadata, at most ${MAX_METADATA_PAIRS} are taken`;
  let bytes = 0;
  for (const { key, value } of pairs) bytes += key.length + value.length;
  return bytes > MAX_METADATA_BYTES ? `${bytes} bytes of metadata, at most ${MAX_METADATA_BYTES} are taken` : undefined;
}

/** Why metadata of a callee is refused; undefined: it may go on to the caller. */
export function refuseMetadata(pairs: readonly Pair[], isTrailers: boolean): string | undefined {
  for (const pair of pairs) {
    const { key } = pair;
    const isReserved = isOfHttp(key) || (key.startsWith('grpc-') && (isTrailers || key !== ENCODING_KEY));
    if (isReserved) return `${key.slice(0, 64)} is no key of metadata`;
    if (!isLegal(pair))
      return `metadata has a key or value that no header can have: ${JSON.stringify(key.slice(0, 64))}`;
  }
  return refuseSize(pairs);
}
