import { ContactError } from '../../shared/errors.ts';
import type { End, Pair } from '../../tunnel/frame.ts';
import { ENCODING_KEY } from '../../tunnel/metadata.ts';
import { type Caller, writeEnd } from './caller.ts';
import { ACCEPTED_ENCODINGS, type Encoding, isEncoding } from './inflate.ts';

// How the messages of a call are compressed, each way: they pass as they are where their receiver takes them so, and are
// unpacked where it does not.

export const ACCEPT_ENCODING_KEY = 'grpc-accept-encoding';
const IDENTITY = 'identity';

/** How the messages of one direction go on. */
export type Passage =
  /** As they come. */
  | { readonly kind: 'pass' }
  | { readonly kind: 'inflate'; readonly encoding: Encoding }
  /** Neither their receiver nor the server knows their encoding. */
  | { readonly kind: 'refused'; readonly encoding: string };

const PASS: Passage = { kind: 'pass' };

/** How the messages of a caller go on to a callee that takes these encodings. */
export function passRequests({ encoding }: Caller, acceptEncodings: readonly string[]): Passage {
  return passageOf(encoding, acceptEncodings);
}

/** How the messages of a callee that has said these headers go on to its caller. */
export function passAnswers(headers: readonly Pair[], { metadata }: Caller): Passage {
  const encoding = headers.find(({ key }) => key === ENCODING_KEY)?.value;
  if (typeof encoding !== 'string' || encoding === IDENTITY) return PASS;
  const accepted = metadata
    .filter(({ key }) => key === ACCEPT_ENCODING_KEY)
    .flatMap(({ value }) => String(value).split(','));
  return passageOf(
    encoding,
    accepted.map((one) => one.trim()),
  );
}

function passageOf(encoding: string, accepted: readonly string[]): Passage {
  if (encoding === IDENTITY || accepted.includes(encoding)) return PASS;
  return isEncoding(encoding) ? { kind: 'inflate', encoding } : { kind: 'refused', encoding: encoding.slice(0, 32) };
}

/** The metadata without the encoding of messages that are unpacked. */
export const withoutEncoding = (pairs: readonly Pair[]): readonly Pair[] =>
  pairs.filter(({ key }) => key !== ENCODING_KEY);

/** UNIMPLEMENTED, with the encodings that are taken, as gRPC wants it. */
export function refuseEncoding(encoding: string, acceptEncodings: readonly string[]): End {
  const problem = `grpc-encoding: messages in ${encoding} are not taken`;
  const others = acceptEncodings.filter((one) => one !== IDENTITY && !isEncoding(one));
  const value = [ACCEPTED_ENCODINGS, ...others].join(',');
  return writeEnd(new ContactError('UNIMPLEMENTED', problem), [{ key: ACCEPT_ENCODING_KEY, value }]);
}
