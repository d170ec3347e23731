import { type DescField, type DescMessage, type DescOneof, ScalarType } from '@bufbuild/protobuf';
import fc from 'fast-check';

/** Which fields of a message are set. Of a oneof one of them is. */
export type Choice = (message: DescMessage) => fc.Arbitrary<readonly DescField[]>;

/**
 * Initializers of a message as its description has it, with the chosen fields set to something that is not their
 * default, and plain: small numbers and ASCII. A field that is new in the contract is set without a change here.
 */
export function drawMessage(message: DescMessage, choose: Choice): fc.Arbitrary<Record<string, unknown>> {
  return choose(message).chain((fields) => {
    const members = new Map<string, fc.Arbitrary<unknown>>();
    const alternatives = new Map<DescOneof, DescField[]>();
    for (const field of fields) {
      if (field.oneof) alternatives.set(field.oneof, [...(alternatives.get(field.oneof) ?? []), field]);
      else members.set(field.localName, drawField(field, choose));
    }
    for (const [oneof, among] of alternatives) {
      const drawn = among.map((field) =>
        fc.record({ case: fc.constant(field.localName), value: drawField(field, choose) }),
      );
      members.set(oneof.localName, fc.oneof(...drawn));
    }
    return fc.record(Object.fromEntries(members));
  });
}

function drawField(field: DescField, choose: Choice): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case 'list':
      return fc.array(drawOne(field, choose), { minLength: 1, maxLength: 3 });
    case 'map':
      return fc.dictionary(fc.string({ minLength: 1 }), drawOne(field, choose), { minKeys: 1, maxKeys: 2 });
    default:
      return drawOne(field, choose);
  }
}

function drawOne(field: DescField, choose: Choice): fc.Arbitrary<unknown> {
  if (field.message) return drawMessage(field.message, choose);
  if (field.enum) return fc.constantFrom(...field.enum.values.map(({ number }) => number).filter((one) => one !== 0));
  switch (field.scalar) {
    case ScalarType.STRING:
      return fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 });
    case ScalarType.BYTES:
      return fc.uint8Array({ minLength: 1, maxLength: 40 });
    case ScalarType.BOOL:
      return fc.constant(true);
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return fc.integer({ min: 1, max: 1_000 }).map((n) => n / 8);
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return fc.bigInt({ min: 1n, max: 1n << 40n });
    case ScalarType.SINT32:
    case ScalarType.INT32:
    case ScalarType.SFIXED32:
      return fc.integer({ min: -1_000, max: 1_000 }).filter((n) => n !== 0);
    default:
      return fc.integer({ min: 1, max: 1_000 });
  }
}
