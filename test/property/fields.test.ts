import assert from 'node:assert/strict';
import { create, type DescField, type DescMessage, equals, fromBinary, ScalarType, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { ContactService, TaskService } from '../../gen/index.ts';
import { FIELDS } from '../../wire/fields.ts';
import { HAND_CODECS } from '../../wire/index.ts';
import { type Choice, drawMessage } from '../scene/filled.ts';
import { isFull } from '../scene/full.ts';

/** A thorough run takes twenty times as many. */
const scale = isFull ? 20 : 1;

const PACKAGE = 'contact.v1.';

const isByHand = (field: DescField): boolean => FIELDS[field.parent.name]?.byHand.includes(lineOf(field)) ?? false;

/** As it stands in the contract: its repetition or presence, its kind, its name and its number. */
function lineOf(field: DescField): string {
  const { name, number, oneof, proto } = field;
  const words = [
    ...(oneof ? [`oneof ${oneof.name}:`] : []),
    ...(field.fieldKind === 'list' ? ['repeated'] : []),
    ...(proto.proto3Optional ? ['optional'] : []),
    kindOf(field),
    `${name} = ${number}`,
  ];
  return words.join(' ');
}

function kindOf(field: DescField): string {
  const type = field.message?.typeName ?? field.enum?.typeName;
  const kind = type?.replace(PACKAGE, '') ?? ScalarType[field.scalar!]!.toLowerCase();
  return field.fieldKind === 'map' ? `map<${ScalarType[field.mapKey]!.toLowerCase()}, ${kind}>` : kind;
}

const ROOTS: readonly DescMessage[] = [...ContactService.methods, ...TaskService.methods]
  .flatMap(({ input, output }) => [input, output])
  .filter(({ typeName }) => typeName in HAND_CODECS.encode);

/** The messages that come in a message of the root as far as its codec goes, itself included. */
function messagesIn(root: DescMessage, found: Set<DescMessage> = new Set()): ReadonlySet<DescMessage> {
  found.add(root);
  for (const field of root.fields) {
    if (field.message && isByHand(field) && !found.has(field.message)) messagesIn(field.message, found);
  }
  return found;
}

/** All that the codec of the root has to know: each field of each message in it. */
const PLACES = ROOTS.flatMap((root) =>
  [...messagesIn(root)].flatMap(({ fields }) => fields.map((field) => ({ root, field }))),
);

/** The fields that are done by hand, and one more, on a way of oneofs that leads to it. */
function plainAnd(field: DescField): Choice {
  const leadsThere = (one: DescField): boolean =>
    one === field || (one.message !== undefined && messagesIn(one.message).has(field.parent));
  return (message) => {
    const fields = message.fields.filter((one) => one === field || isByHand(one));
    const isOut = (one: DescField): boolean =>
      one.oneof !== undefined &&
      !leadsThere(one) &&
      fields.some((other) => other.oneof === one.oneof && leadsThere(other));
    return fc.constant(fields.filter((one) => !isOut(one)));
  };
}

const all: Choice = ({ fields }) => fc.constant(fields);
const some: Choice = ({ fields }) => fc.subarray([...fields]);

/** Through our encoder and through our decoder, with protobuf-es at the other end and where they leave it to it. */
function checkBothWays(root: DescMessage, init: object): { encoded: unknown; decoded: unknown } {
  const message = create(root, init as never);
  const encoded = HAND_CODECS.encode[root.typeName]!(message);
  const bytes = toBinary(root, message);
  const decoded = HAND_CODECS.decode[root.typeName]!(bytes);
  if (encoded && !equals(root, fromBinary(root, encoded), message))
    assert.deepEqual(fromBinary(root, encoded), message);
  if (decoded && !equals(root, decoded, message)) assert.deepEqual(decoded, message);
  return { encoded, decoded };
}

describe('the fields of messages with a codec by hand', () => {
  it('are those of the contract, every one of them and no other', () => {
    const found = Object.fromEntries(
      ROOTS.flatMap((root) => [...messagesIn(root)]).map(({ name, fields }) => [name, fields.map(lineOf).toSorted()]),
    );
    const known = Object.entries(FIELDS).map(([name, { byHand, left }]) => [name, [...byHand, ...left].toSorted()]);
    assert.deepEqual(Object.fromEntries(known), found);
  });

  it('belong to messages that have an encoder and a decoder', () => {
    const names = ROOTS.map(({ typeName }) => typeName).toSorted();
    assert.deepEqual(Object.keys(HAND_CODECS.encode).toSorted(), names);
    assert.deepEqual(Object.keys(HAND_CODECS.decode).toSorted(), names);
  });

  for (const { root, field } of PLACES) {
    const { name, parent } = field;
    it(`arrive or are left to protobuf-es: ${parent.name}.${name} in ${root.name}`, () => {
      fc.assert(
        fc.property(drawMessage(root, plainAnd(field)), (init) => {
          const { encoded, decoded } = checkBothWays(root, init);
          assert.equal(encoded !== undefined, isByHand(field), 'whether it is encoded by hand');
          assert.equal(decoded !== undefined, isByHand(field), 'whether it is decoded by hand');
        }),
        { numRuns: 10 * scale },
      );
    });
  }

  for (const root of ROOTS) {
    it(`arrive when all or any of them are set: ${root.name}`, () => {
      const drawn = fc.oneof(drawMessage(root, all), drawMessage(root, some));
      fc.assert(
        fc.property(drawn, (init) => void checkBothWays(root, init)),
        { numRuns: 100 * scale },
      );
    });
  }
});
