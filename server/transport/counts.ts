import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { ContactError, type ErrorDetail, tooLarge } from '../../shared/errors.ts';

// Two bytes on the wire can become an object of 300 bytes, so what a message holds is counted before it is decoded.

/** Items of a repeated field, unless `Bounds` says otherwise. */
const MAX_ITEMS = 1_000;
/**
 * A message with up to this many times the limit is still decoded: its reader refuses it in terms of the request, and
 * other items of a stream go on.
 */
const SLACK = 2;
/** Fields of one message that are not repeated, each as often as it comes, and unknown ones. */
const MAX_REST = 256;
const MAX_DEPTH = 32;

const VARINT = 0;
const BIT64 = 1;
const DELIMITED = 2;
const BIT32 = 5;

/** The most items of repeated fields, by `package.Message.field`; others have MAX_ITEMS. */
export type Bounds = Readonly<Record<string, number>>;

/** Refuses bytes that hold more than they may: RESOURCE_EXHAUSTED names the field. */
export type BoundsCheck = (bytes: Uint8Array) => void;

interface Field {
  readonly name: string;
  readonly node: Node;
  readonly isRepeated: boolean;
  /** The wire type of one item. Numbers may come packed too. */
  readonly wire: number;
  readonly max: number;
  readonly inner: Node | null;
  count: number;
}

/** A message at one place of the request. What is counted lives here: a walk is one turn and nobody else's. */
interface Node {
  /** The field that the message is in; null: it is the request. */
  readonly owner: Omit<Field, 'inner'> | null;
  readonly fields: (Field | undefined)[];
  readonly known: Field[];
  rest: number;
}

/** Compiled once per message; the check reads tags and lengths only, and stops at the first excess. */
export function compileBounds(description: DescMessage, bounds: Bounds = {}): BoundsCheck {
  const root = compile(description, bounds, null, 0);
  return (bytes) => {
    reset(root);
    walk(new Cursor(bytes), bytes.byteLength, root);
  };
}

function compile(description: DescMessage, bounds: Bounds, owner: Node['owner'], depth: number): Node {
  if (depth > MAX_DEPTH) throw new Error(`${description.typeName} holds itself: its depth has no bound`);
  const node: Node = { owner, fields: [], known: [], rest: 0 };
  for (const field of description.fields) {
    const { name, number } = field;
    const isRepeated = field.fieldKind === 'list' || field.fieldKind === 'map';
    const max = bounds[`${description.typeName}.${name}`] ?? MAX_ITEMS;
    const place = { name, node, isRepeated, wire: wireOf(field), max, count: 0 };
    add(node, number, Object.assign(place, { inner: compileInner(field, bounds, place, depth + 1) }));
  }
  return node;
}

function add(node: Node, number: number, field: Field): void {
  node.fields[number] = field;
  node.known.push(field);
}

function compileInner(field: DescField, bounds: Bounds, owner: Omit<Field, 'inner'>, depth: number): Node | null {
  if (field.fieldKind !== 'map') return field.message ? compile(field.message, bounds, owner, depth) : null;
  const entry: Node = { owner, fields: [], known: [], rest: 0 };
  if (field.message) {
    const place = { name: 'value', node: entry, isRepeated: false, wire: DELIMITED, max: MAX_ITEMS, count: 0 };
    add(entry, 2, Object.assign(place, { inner: compile(field.message, bounds, place, depth) }));
  }
  return entry;
}

function wireOf(field: DescField): number {
  if (field.fieldKind === 'map' || field.message) return DELIMITED;
  if (field.enum) return VARINT;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return DELIMITED;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return BIT64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return BIT32;
    default:
      return VARINT;
  }
}

/**
 * Sets the counts of a message to 0. A field that is not repeated may come again: protobuf merges it, so it counts on.
 */
function reset(node: Node): void {
  node.rest = 0;
  for (const field of node.known) {
    field.count = 0;
    if (field.inner && !field.isRepeated) reset(field.inner);
  }
}

class Cursor {
  pos = 0;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The low 32 bits of a varint. */
  varint(end: number): number {
    let value = 0;
    for (let shift = 0; this.pos < end; shift += 7) {
      const byte = this.bytes[this.pos++]!;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value >>> 0;
  }

  /** The bytes of the value that follows; 0 for a varint, which is read by that. */
  sizeOf(wire: number, end: number, owner: Node['owner']): number {
    switch (wire) {
      case VARINT:
        this.varint(end);
        return 0;
      case BIT64:
        return 8;
      case DELIMITED:
        return this.varint(end);
      case BIT32:
        return 4;
      default:
        throw oddType(owner, `wire type ${wire} is not taken`);
    }
  }

  countPacked(wire: number, size: number): number {
    if (wire !== VARINT) return Math.ceil(size / (wire === BIT64 ? 8 : 4));
    let items = 0;
    for (let at = this.pos; at < this.pos + size; at++) if (this.bytes[at]! < 0x80) items += 1;
    return items;
  }
}

/** False: malformed, from here on; the decoder reads no further either, and refuses it. */
function walk(cursor: Cursor, end: number, node: Node): boolean {
  while (cursor.pos < end) {
    const tag = cursor.varint(end);
    const wire = tag & 7;
    const field = node.fields[tag >>> 3];
    if (!field?.isRepeated && ++node.rest > MAX_REST) throw tooMany(node.owner, MAX_REST, 'other fields');
    // The decoder goes by its description, not by what the tag says: both must read the same.
    const isPacked = field?.isRepeated === true && field.wire !== DELIMITED && wire === DELIMITED;
    if (field && wire !== field.wire && !isPacked) throw oddType(field, `wire type ${wire} is not its own`);
    const size = cursor.sizeOf(wire, end, node.owner);
    if (size > end - cursor.pos) return false;
    if (field?.isRepeated) count(field, isPacked ? cursor.countPacked(field.wire, size) : 1);
    if (!field?.inner) cursor.pos += size;
    else if (!walkInner(cursor, size, field.inner, field.isRepeated)) return false;
  }
  return true;
}

function walkInner(cursor: Cursor, size: number, inner: Node, isNew: boolean): boolean {
  if (isNew) reset(inner);
  return walk(cursor, cursor.pos + size, inner);
}

function count(field: Field, items: number): void {
  field.count += items;
  if (field.count > SLACK * field.max) throw tooMany(field, field.max, 'in one message');
}

function oddType(place: Node['owner'], problem: string): ContactError {
  return new ContactError('INVALID_ARGUMENT', problem, detailOf(place));
}

function tooMany(place: Node['owner'], max: number, what: string): ContactError {
  return tooLarge(`at most ${max} ${what}`, detailOf(place));
}

/** Names the place, and which item of the request's own list it lies in. */
function detailOf(place: Node['owner']): ErrorDetail {
  const field = placeOf(place);
  let top = place?.node.owner;
  while (top?.node.owner) top = top.node.owner;
  return top?.isRepeated ? { field, index: top.count - 1 } : { field };
}

/** The path of a field in the form that readers of requests use: `tasks[3].metadata`. */
function placeOf(field: Node['owner']): string {
  if (!field) return 'request';
  const { owner } = field.node;
  if (!owner) return field.name;
  return `${placeOf(owner)}${owner.isRepeated ? `[${owner.count - 1}]` : ''}.${field.name}`;
}
