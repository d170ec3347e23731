import type { MessageBytes, Span } from './fields.ts';
import { DOT } from './nametable.ts';

// What stands where in google/protobuf/descriptor.proto, by the numbers of its fields.
export const FILE = { package: 2, dependency: 3, messageType: 4, enumType: 5, service: 6, extension: 7 } as const;
const MESSAGE = { name: 1, nestedType: 3, enumType: 4, extension: 6 } as const;
const ENUM = { value: 2 } as const;
export const SERVICE = { method: 2 } as const;
export const METHOD = { clientStreaming: 5, serverStreaming: 6 } as const;
const FIELD = { extendee: 2, number: 3 } as const;
/** The name of a message, an enum, one of its values, a service or a field. */
const NAME = 1;

const NOWHERE: Span = { from: 0, to: 0 };

/** What a file or a message declares. */
export interface Declarations {
  /** Of a file its package. */
  readonly name: Span;
  readonly messages: readonly Span[];
  readonly enums: readonly Span[];
  readonly services: readonly Span[];
  readonly extensions: readonly Span[];
}

export function readFile(message: MessageBytes, file: Span): Declarations {
  const { package: name, messageType, enumType, service, extension } = FILE;
  return read(message, file, { name, messageType, enumType, service, extension });
}

export function readMessage(message: MessageBytes, span: Span): Declarations {
  const { name, nestedType: messageType, enumType, extension } = MESSAGE;
  return read(message, span, { name, messageType, enumType, service: undefined, extension });
}

type Numbers = Record<'name' | 'messageType' | 'enumType' | 'extension', number> & { service: number | undefined };

function read(message: MessageBytes, span: Span, numbers: Numbers): Declarations {
  const [messages, enums, services, extensions]: [Span[], Span[], Span[], Span[]] = [[], [], [], []];
  let name = NOWHERE;
  message.eachField(span, (no, value) => {
    if (typeof value === 'number') return;
    if (no === numbers.name) name = value;
    else if (no === numbers.messageType) messages.push(value);
    else if (no === numbers.enumType) enums.push(value);
    else if (no === numbers.service) services.push(value);
    else if (no === numbers.extension) extensions.push(value);
  });
  return { name, messages, enums, services, extensions };
}

export function nameIn(message: MessageBytes, span: Span): Span {
  let name = NOWHERE;
  message.eachField(span, (no, value) => {
    if (no === NAME && typeof value !== 'number') name = value;
  });
  return name;
}

/** Each value of an enum: its name stands beside that of the enum, not within it. */
export function valuesOf(message: MessageBytes, span: Span): readonly Span[] {
  const values: Span[] = [];
  message.eachField(span, (no, value) => {
    if (no === ENUM.value && typeof value !== 'number') values.push(value);
  });
  return values;
}

/** Each extension that a file declares: the full name of what it extends, and its number. */
export function eachExtension(
  message: MessageBytes,
  file: Span,
  visit: (extendee: Span, number: number) => void,
): void {
  const look = ({ messages, extensions }: Declarations): void => {
    for (const extension of extensions) {
      let [extendee, number] = [NOWHERE, 0];
      message.eachField(extension, (no, value) => {
        if (no === FIELD.extendee && typeof value !== 'number') extendee = value;
        if (no === FIELD.number && typeof value === 'number') number = value;
      });
      // Full names begin with a dot there.
      const isFull = extendee.to > extendee.from && message.bytes[extendee.from] === DOT;
      visit(isFull ? { ...extendee, from: extendee.from + 1 } : extendee, number);
    }
    for (const inner of messages) look(readMessage(message, inner));
  };
  look(readFile(message, file));
}

/**
 * Whether a file declares this name, of a message alone or of whatever has one. It looks only where the name leads, so that
 * each declaration is read once at the most.
 */
export function declares(message: MessageBytes, file: Span, wanted: Uint8Array, what: 'any' | 'message'): boolean {
  const isAt = (at: number, name: Span): boolean => startsAt(wanted, at, message.bytes, name);
  const isIn = ({ messages, enums, services, extensions }: Declarations, at: number): boolean => {
    const ends = (span: Span): boolean => {
      const name = nameIn(message, span);
      return isAt(at, name) && at + name.to - name.from === wanted.byteLength;
    };
    const isOther = (): boolean =>
      [enums, services, extensions].some((some) => some.some(ends)) ||
      enums.some((span) => valuesOf(message, span).some(ends));
    if (what === 'any' && isOther()) return true;
    return messages.some((inner) => {
      const name = nameIn(message, inner);
      if (!isAt(at, name)) return false;
      const end = at + name.to - name.from;
      return end === wanted.byteLength || (wanted[end] === DOT && isIn(readMessage(message, inner), end + 1));
    });
  };
  const top = readFile(message, file);
  const size = top.name.to - top.name.from;
  if (size === 0) return isIn(top, 0);
  return isAt(0, top.name) && wanted[size] === DOT && isIn(top, size + 1);
}

/** Whether the bytes of `name` stand in `text` at this place. */
export function startsAt(text: Uint8Array, at: number, bytes: Uint8Array, { from, to }: Span): boolean {
  if (at + to - from > text.byteLength) return false;
  for (let k = from; k < to; k++) if (bytes[k] !== text[at + k - from]) return false;
  return true;
}
