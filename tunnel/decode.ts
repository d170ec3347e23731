import { Buffer } from 'node:buffer';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { delimited, varint } from '../wire/reader.ts';
import { createFrame, type End, type Frame, NO_DETAILS, type Open, type Pair } from './frame.ts';

// The decoder of `ServeRequest` and `ServeResponse` of proto/contact/v1/reverse.proto, which differ in their first field
// only. It reads all that protobuf allows: fields in any order, twice, and unknown ones.

export interface ServeMessage {
  /** `announce` or `accepted` as it came, for protobuf-es; undefined: not there. */
  readonly head: Uint8Array | undefined;
  readonly frames: readonly Frame[];
}

/** Throws what protobuf-es throws when the bytes are no such message. Data of frames are views into `bytes`. */
export function decodeServe(bytes: Uint8Array): ServeMessage {
  const reader = new BinaryReader(bytes);
  // A message that is said twice is merged, which putting the bytes behind each other does: once, whatever their number.
  const heads: Uint8Array[] = [];
  const frames: Frame[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === delimited(1)) heads.push(reader.bytes());
    else if (tag === delimited(2)) frames.push(readFrame(reader));
    else skip(reader, tag);
  }
  return { head: heads.length > 1 ? Buffer.concat(heads) : heads[0], frames };
}

function readFrame(reader: BinaryReader): Frame {
  const frame = createFrame(0);
  const end = endOfInner(reader);
  while (reader.pos < end) {
    const tag = reader.uint32();
    switch (tag) {
      case varint(1):
        frame.call = reader.uint32();
        break;
      case delimited(2):
        frame.open = readOpen(reader);
        break;
      case delimited(3):
        frame.headers = readPairs(reader);
        break;
      case varint(4):
        frame.size = reader.uint32();
        break;
      case delimited(5):
        frame.data = readBytes(reader);
        break;
      case varint(6):
        frame.more = reader.bool();
        break;
      case varint(7):
        frame.compressed = reader.bool();
        break;
      case varint(8):
        frame.halfClose = reader.bool();
        break;
      case delimited(9):
        frame.end = readEnd(reader);
        break;
      case varint(10):
        frame.window = reader.uint32();
        break;
      case varint(11):
        frame.cancel = reader.bool();
        break;
      default:
        skip(reader, tag);
    }
  }
  return close(reader, end, frame);
}

function readOpen(reader: BinaryReader): Open {
  let method = '';
  let metadata: readonly Pair[] = [];
  let timeoutMs = 0;
  const end = endOfInner(reader);
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === delimited(1)) method = reader.string();
    else if (tag === delimited(2)) metadata = readPairs(reader);
    else if (tag === varint(3)) timeoutMs = reader.uint32();
    else skip(reader, tag);
  }
  return close(reader, end, { method, metadata, timeoutMs });
}

function readEnd(reader: BinaryReader): End {
  let code = 0;
  let message = '';
  let statusDetails: Buffer = NO_DETAILS;
  let trailers: readonly Pair[] = [];
  const end = endOfInner(reader);
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === varint(1)) code = reader.uint32();
    else if (tag === delimited(2)) message = reader.string();
    else if (tag === delimited(3)) statusDetails = Buffer.from(reader.bytes());
    else if (tag === delimited(4)) trailers = readPairs(reader);
    else skip(reader, tag);
  }
  return close(reader, end, { code, message, statusDetails, trailers });
}

function readPairs(reader: BinaryReader): readonly Pair[] {
  const pairs: Pair[] = [];
  const end = endOfInner(reader);
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === delimited(1)) pairs.push(readPair(reader));
    else skip(reader, tag);
  }
  return close(reader, end, pairs);
}

function readPair(reader: BinaryReader): Pair {
  let key = '';
  let value: Buffer = NO_DETAILS;
  const end = endOfInner(reader);
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === delimited(1)) key = reader.string();
    else if (tag === delimited(2)) value = readBytes(reader);
    else skip(reader, tag);
  }
  // Binary values outlive the batch that they came in. A byte of a text that is not ASCII stays visible as one.
  return close(reader, end, { key, value: key.endsWith('-bin') ? Buffer.from(value) : value.toString('latin1') });
}

function readBytes(reader: BinaryReader): Buffer {
  const bytes = reader.bytes();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where the message ends whose length comes next. */
function endOfInner(reader: BinaryReader): number {
  const size = reader.uint32();
  const end = reader.pos + size;
  if (end > reader.len) throw new RangeError('a message is longer than what it lies in');
  return end;
}

/** What was read, if it ended where it should have. */
function close<T>(reader: BinaryReader, end: number, read: T): T {
  if (reader.pos !== end) throw new RangeError('a field is longer than the message that it lies in');
  return read;
}

function skip(reader: BinaryReader, tag: number): void {
  const field = tag >>> 3;
  if (field === 0) throw new RangeError('a field has the number 0');
  reader.skip((tag & 7) as Parameters<BinaryReader['skip']>[0], field);
}
