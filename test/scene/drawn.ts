import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';

/** Draws a value; fast-check's `gen()`. */
export type Draw = fc.GeneratorValue;

const MAX_DEPTH = 4;

/** Strings that mean something to a field of that name; '' for all others. */
export type Words = Readonly<Record<string, readonly string[]>> & { readonly '': readonly string[] };

/** The bytes of some message of this description, valid as protobuf. */
export function drawMessage(draw: Draw, description: DescMessage, words: Words, depth = 0): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of description.fields) {
    if (!draw(fc.boolean)) continue;
    const count = field.fieldKind === 'list' || field.fieldKind === 'map' ? draw(fc.integer, { min: 0, max: 3 }) : 1;
    for (let n = 0; n < count; n++) drawField(draw, writer, field, words, depth);
  }
  return writer.finish();
}

function drawField(draw: Draw, writer: BinaryWriter, field: DescField, words: Words, depth: number): void {
  if (field.fieldKind === 'map') {
    const key = drawWord(draw, field.name, words);
    const pair = new BinaryWriter().tag(1, WireType.LengthDelimited).string(key);
    drawScalar(draw, pair, field, words, 2);
    writer.tag(field.number, WireType.LengthDelimited).bytes(pair.finish());
  } else if (field.message) {
    if (depth >= MAX_DEPTH) return;
    const bytes = drawMessage(draw, field.message, words, depth + 1);
    writer.tag(field.number, WireType.LengthDelimited).bytes(bytes);
  } else if (field.enum) {
    writer.tag(field.number, WireType.Varint).int32(draw(fc.integer, { min: -1, max: 12 }));
  } else {
    drawScalar(draw, writer, field, words);
  }
}

/** Of a map it is the value of a pair. */
function drawScalar(
  draw: Draw,
  writer: BinaryWriter,
  field: DescField,
  words: Words,
  number: number = field.number,
): void {
  switch (field.scalar) {
    case ScalarType.STRING:
      writer.tag(number, WireType.LengthDelimited).string(drawWord(draw, field.name, words));
      break;
    case ScalarType.BYTES:
      writer.tag(number, WireType.LengthDelimited).bytes(draw(fc.uint8Array, { maxLength: 40 }));
      break;
    case ScalarType.BOOL:
      writer.tag(number, WireType.Varint).bool(draw(fc.boolean));
      break;
    case ScalarType.FLOAT:
      writer.tag(number, WireType.Bit32).float(draw(fc.float));
      break;
    case ScalarType.SINT32:
      writer.tag(number, WireType.Varint).sint32(draw(fc.integer));
      break;
    case ScalarType.UINT32:
      writer.tag(number, WireType.Varint).uint32(drawCount(draw));
      break;
    default:
      writer.tag(number, WireType.Varint).int64(draw(fc.bigInt, { min: -(2n ** 62n), max: 2n ** 62n }));
  }
}

function drawWord(draw: Draw, name: string, words: Words): string {
  if (draw(fc.nat, { max: 7 }) === 0) return draw(fc.string, { unit: 'binary', maxLength: 200 });
  const known = words[name] ?? words[''];
  return known[draw(fc.nat, { max: known.length - 1 })]!;
}

function drawCount(draw: Draw): number {
  return draw(fc.boolean) ? draw(fc.integer, { min: 0, max: 20 }) : draw(fc.integer, { min: 0, max: 2 ** 32 - 1 });
}

/** The same bytes with one thing wrong with them, or others altogether. */
export function mutate(draw: Draw, message: Uint8Array): Uint8Array {
  const bytes = message.length > 0 ? message : Uint8Array.of(0);
  const at = draw(fc.nat, { max: bytes.length - 1 });
  switch (draw(fc.integer, { min: 0, max: 9 })) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return bytes.with(at, draw(fc.nat, { max: 255 }));
    case 2:
      return Buffer.concat([bytes.subarray(0, at), draw(fc.uint8Array, { maxLength: 8 }), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes, bytes]);
    case 4:
      return Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]);
    case 5:
      return draw(fc.uint8Array, { maxLength: 300 });
    default:
      return message;
  }
}
