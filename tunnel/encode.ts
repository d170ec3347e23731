import { Buffer } from 'node:buffer';
import { sizeOfDelimited, sizeOfField, sizeOfNumber, Writer } from '../wire/writer.ts';
import type { End, Frame, Open, Pair } from './frame.ts';

// The encoder of `Frame` of proto/contact/v1/reverse.proto: the same bytes as protobuf-es writes, in one pass and one
// buffer. Sizes come first, because a length stands before what it measures.

const FRAMES = 2;

/** A frame with what its lengths on the wire are. */
export interface SizedFrame {
  readonly frame: Frame;
  /** The bytes of the message without its tag and length. */
  readonly size: number;
  /** The bytes with tag and length. */
  readonly wholeSize: number;
}

export function sizeFrame(frame: Frame): SizedFrame {
  const { open, headers, data, end } = frame;
  let size = sizeOfField(frame.call) + sizeOfField(frame.size) + sizeOfField(frame.window);
  if (open) size += sizeOfInner(sizeOfOpen(open));
  if (headers) size += sizeOfInner(sizeOfPairs(headers));
  if (data) size += sizeOfInner(data.byteLength);
  if (end) size += sizeOfInner(sizeOfEnd(end));
  for (const flag of [frame.more, frame.compressed, frame.halfClose, frame.cancel]) size += flag ? 2 : 0;
  return { frame, size, wholeSize: sizeOfInner(size) };
}

/** A message of the stream with these frames and nothing else. */
export function encodeFrames(frames: readonly SizedFrame[]): Buffer {
  let size = 0;
  for (const { wholeSize } of frames) size += wholeSize;
  const writer = new Writer(size);
  for (const one of frames) writeFrame(writer, one);
  return writer.buffer;
}

function writeFrame(writer: Writer, { frame, size }: SizedFrame): void {
  const { open, headers, data, end } = frame;
  writer.inner(FRAMES, size);
  writer.number(1, frame.call);
  if (open) writeOpen(writer, open);
  if (headers) writePairs(writer, 3, headers);
  writer.number(4, frame.size);
  if (data) {
    // An empty message is written too: `bytes` would leave it out.
    if (data.byteLength === 0) writer.inner(5, 0);
    else writer.bytes(5, data);
  }
  writer.number(6, Number(frame.more));
  writer.number(7, Number(frame.compressed));
  writer.number(8, Number(frame.halfClose));
  if (end) writeEnd(writer, end);
  writer.number(10, frame.window);
  writer.number(11, Number(frame.cancel));
}

/** The bytes of a message that is there, be it empty, with its tag and length. */
function sizeOfInner(size: number): number {
  return 1 + sizeOfNumber(size) + size;
}

function sizeOfOpen({ method, metadata, timeoutMs }: Open): number {
  return sizeOfDelimited(Buffer.byteLength(method)) + sizeOfInner(sizeOfPairs(metadata)) + sizeOfField(timeoutMs);
}

function writeOpen(writer: Writer, open: Open): void {
  writer.inner(2, sizeOfOpen(open));
  writer.text(1, open.method, Buffer.byteLength(open.method));
  writePairs(writer, 2, open.metadata);
  writer.number(3, open.timeoutMs);
}

function sizeOfEnd({ code, message, statusDetails, trailers }: End): number {
  return (
    sizeOfField(code) +
    sizeOfDelimited(Buffer.byteLength(message)) +
    sizeOfDelimited(statusDetails.byteLength) +
    sizeOfInner(sizeOfPairs(trailers))
  );
}

function writeEnd(writer: Writer, end: End): void {
  writer.inner(9, sizeOfEnd(end));
  writer.number(1, end.code);
  writer.text(2, end.message, Buffer.byteLength(end.message));
  writer.bytes(3, end.statusDetails);
  writePairs(writer, 4, end.trailers);
}

function sizeOfPairs(pairs: readonly Pair[]): number {
  let size = 0;
  for (const pair of pairs) size += sizeOfInner(sizeOfPair(pair));
  return size;
}

function sizeOfPair({ key, value }: Pair): number {
  return sizeOfDelimited(Buffer.byteLength(key)) + sizeOfDelimited(Buffer.byteLength(value));
}

function writePairs(writer: Writer, field: number, pairs: readonly Pair[]): void {
  writer.inner(field, sizeOfPairs(pairs));
  for (const pair of pairs) {
    const { key, value } = pair;
    writer.inner(1, sizeOfPair(pair));
    writer.text(1, key, Buffer.byteLength(key));
    if (typeof value === 'string') writer.text(2, value, Buffer.byteLength(value));
    else writer.bytes(2, value);
  }
}
