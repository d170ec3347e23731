import type { ConstantRow } from './limits.ts';

/** Constants of reverse RPC that no option names. */
export const REVERSE_CONSTANTS: readonly ConstantRow[] = [
  ['methods that one client announces', 'tunnel/terms.ts', 'MAX_METHODS'],
  ['methods that one client announces', 'server/tunnel/announced.ts', 'MAX_ANNOUNCED'],
  ['methods that are remembered', 'server/tunnel/callees.ts', 'MAX_REMEMBERED'],
  ['name of a served method', 'tunnel/names.ts', 'MAX_METHOD_LENGTH'],
  ['descriptors that one client', 'tunnel/terms.ts', 'MAX_SET_BYTES'],
  ['descriptors that one client', 'server/tunnel/descriptors.ts', 'MAX_ALL_BYTES'],
  ['files of such a set', 'server/tunnel/fileindex.ts', 'MAX_FILES', 'MAX_DEPTH'],
  ['services that reflection lists', 'server/tunnel/listing.ts', 'MAX_LISTED_BYTES'],
  ['calls of one callee', 'tunnel/terms.ts', 'MAX_CALLS'],
  ['encodings that a callee', 'server/transport/serve.ts', 'MAX_ENCODINGS'],
  ['window of a call', 'tunnel/frame.ts', 'WINDOW_BYTES', 'MIN_WINDOW_BYTES', 'MAX_WINDOW_BYTES'],
  ['a chunk of a message', 'tunnel/frame.ts', 'MAX_CHUNK_BYTES'],
  ['a message of a Serve', 'tunnel/frame.ts', 'MAX_BATCH_BYTES'],
  ['a message of a Serve', 'server/transport/serve.ts', 'MAX_ANNOUNCE_BYTES'],
  ['bytes on their way', 'tunnel/tunnel.ts', 'MAX_IN_FLIGHT_BYTES'],
  ['calls that a callee may break', 'tunnel/tunnel.ts', 'MAX_FAULTS'],
  ['metadata of a live call', 'tunnel/metadata.ts', 'MAX_METADATA_BYTES', 'MAX_METADATA_PAIRS'],
  ['bytes of a live call', 'server/transport/front.ts', 'MAX_WAITING_BYTES'],
  ['a request of `contact call`', 'cli/call/requests.ts', 'MAX_REQUEST_CHARACTERS'],
  ['a request of `contact call`', 'cli/call/types.ts', 'MAX_ASKED'],
  ['answers of one call', 'client/serve/answers.ts', 'MAX_WAITING_COST'],
  ['answers of an exposed server', 'client/expose/forward.ts', 'MAX_WAITING_BYTES'],
  ['descriptors that the SDK', 'client/fileset.ts', 'MAX_FILES', 'MAX_FILES_BYTES'],
  ['descriptors that the SDK', 'client/reflection.ts', 'MAX_EXTENSIONS'],
  ['messages that are unpacked', 'server/tunnel/inflate.ts', 'MAX_INFLATING'],
  ['a compressed message that', 'server/tunnel/inflate.ts', 'MAX_INLINE_BYTES', 'MAX_INLINE_INFLATED_BYTES'],
  ['selectors that calls of one method', 'server/tunnel/waiters.ts', 'MAX_SELECTORS'],
  ['time that a call waits', 'server/tunnel/asked.ts', 'MAX_WAIT_MS'],
];

/** Constants of reverse RPC that are named like bounds and have no row, and why. */
export const REVERSE_REASONS: Readonly<Record<string, string>> = {
  'tunnel/deframe.ts PREFIX_BYTES': 'of gRPC: the length before a message',
  'server/transport/front.ts PART_BYTES': 'about what one of them takes; their sum has a row',
  'server/transport/front.ts CHUNK_BYTES': 'about what one of an answer takes; their sum has a row',
  'server/tunnel/inflate.ts CHUNK_BYTES': 'the pieces in which a message is unpacked, which has a row',
  'server/tunnel/listing.ts OVERHEAD_BYTES': 'about what one name takes; their sum has a row',
  'server/transport/serve.ts EMPTY_BYTES': 'about what one of them takes; their sum has a row',
  'server/transport/serve.ts ON_THE_WAY_BYTES': 'what may be on its way to a callee, and buys it time',
  'tunnel/frame.ts BATCH_BYTES': 'how full a message of a Serve is made; what is taken has a row',
  'tunnel/tunnel.ts MAX_CALL': 'a number of 32 bits, after which the client comes again',
};
