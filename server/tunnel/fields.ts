import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** Where in the bytes something stands: from the first byte up to, without, the last. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface MessageBytes {
  readonly bytes: Uint8Array;
  /**
   * Each field of the message that stands in `span`: its number, and where its bytes stand or, of a varint, its value.
   * Other fields are passed over. Nothing is copied, and what lies in a field costs nothing until it is looked into.
   * Throws where the bytes are no message.
   */
  eachField(span: Span, visit: (no: number, value: Span | number) => void): void;
}

/** Reads the fields of protobuf messages where they stand, for who needs few of them. */
export function createMessageBytes(bytes: Uint8Array): MessageBytes {
  const reader = new BinaryReader(bytes);

  function read(type: WireType, no: number): Span | number | undefined {
    if (type === WireType.Varint) return Number(reader.uint64());
    if (type !== WireType.LengthDelimited) return void reader.skip(type, no);
    const size = reader.uint32();
    return { from: reader.pos, to: reader.pos + size };
  }

  return {
    bytes,
    eachField(span, visit) {
      let at = span.from;
      while (at < span.to) {
        // A visit may have read elsewhere.
        reader.pos = at;
        const [no, type] = reader.tag();
        // Groups are in no descriptor, and may be nested without end.
        if (type === WireType.StartGroup || type === WireType.EndGroup) throw new Error(`field ${no} is a group`);
        const value = read(type, no);
        at = typeof value === 'object' ? value.to : reader.pos;
        if (at > span.to) throw new Error(`field ${no} ends beyond its message`);
        if (value !== undefined) visit(no, value);
      }
    },
  };
}
