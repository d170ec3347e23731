import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { AdminService, ContactService, OutcomeCodeSchema, RetrySchema, TaskService } from '../../gen/index.ts';
import { ROOT } from '../../scripts/tool.ts';
import * as errors from '../../shared/errors.ts';

const page = readFileSync(join(ROOT, 'docs', 'protocol.md'), 'utf8');

const files = [ContactService, TaskService, AdminService].flatMap(({ file }) => [file, ...file.dependencies]);
const { GetTask, SendStatus } = Object.fromEntries(ContactService.methods.map((method) => [method.name, method]));

/** In the code: `closing('X', 'now'` and `reason: 'X', retry: 'now'`, as `X now`. */
function readReasons(): Set<string> {
  const sources = globSync('server/**/*.ts', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'));
  const said = /closing\('([A-Z_]+)', '(\w+)'|reason: '([A-Z_]+)', retry: '(\w+)'/g;
  return new Set(sources.flatMap((text) => [...text.matchAll(said)].map(([, a, b, c, d]) => `${a ?? c} ${b ?? d}`)));
}

/** In the code: what the server gives as the reason of a cancel by itself. */
function readCancelReasons(): Set<string> {
  const sources = globSync('server/**/*.ts', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'));
  const said = /(?:\.cancel\([^;\n]*|\bclose\(held), '([A-Z_]+)'/g;
  return new Set(sources.flatMap((text) => [...text.matchAll(said)].map(([, reason]) => reason!)));
}

/** Fields, messages, methods and values of enums of the contract; metadata; and what else is a word of the protocol. */
function wordsOfContract(): Set<string> {
  const messages = files.flatMap((file) => file.messages);
  const enums = files.flatMap((file) => file.enums);
  const prefix = (name: string): string => `${name.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()}_`;
  return new Set([
    ...messages.flatMap(({ name, fields }) => [name, ...fields.map((field) => field.name)]),
    ...enums.flatMap(({ name, values }) =>
      values.flatMap((value) => [value.name, value.name.slice(prefix(name).length)]),
    ),
    ...files.flatMap(({ services }) => services.flatMap((one) => [one.name, ...one.methods.map(({ name }) => name)])),
    ...[errors.REASON_KEY, errors.RETRY_KEY, errors.RETRY_AFTER_KEY, errors.FIELD_KEY, errors.INDEX_KEY],
    ...['contact-client', 'contact-session'],
    ...[...readReasons()].map((reason) => reason.split(' ')[0]!),
    ...Object.values(status).filter((one) => typeof one === 'string'),
    ...readCancelReasons(),
    // A code of a failure, which is text in the contract; test/conformance has it.
    'LOST',
  ]);
}

/** What stands in back-ticks, but paths, forms and what is inside a fence. */
const named = new Set(
  [...page.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/`([A-Za-z][\w-]*)`/g)].map(([, word]) => word!),
);

describe('docs/protocol.md', () => {
  it('names nothing that the contract does not have', () => {
    const words = wordsOfContract();
    assert.deepEqual(
      [...named].filter((word) => !words.has(word)),
      [],
    );
  });

  it('names each event of GetTask, each field of SendStatus, each outcome and each retry', () => {
    const events = GetTask!.output.oneofs.flatMap(({ fields }) => fields.map(({ name }) => name));
    const fields = SendStatus!.input.fields.map(({ name }) => name);
    const outcomes = OutcomeCodeSchema.values.map(({ name }) => name.slice('OUTCOME_CODE_'.length));
    const retries = RetrySchema.values.map(({ name }) => name);
    const wanted = [...events, ...fields, ...outcomes, ...retries].filter((name) => name !== 'UNSPECIFIED');
    assert.deepEqual(
      wanted.filter((name) => !named.has(name)),
      [],
    );
  });

  it('has a row for each reason that a stream ends for, and when to come again', () => {
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (now|backoff|never) \|/gm)];
    assert.deepEqual(new Set(rows.map(([, reason, retry]) => `${reason} ${retry}`)), readReasons());
  });

  it('names each reason of a cancel that the server gives by itself, as the contract does', () => {
    const proto = readFileSync(join(ROOT, 'proto/contact/v1/contact.proto'), 'utf8');
    const comment = /^message Cancel \{[\s\S]*?^\}/m.exec(proto)?.[0] ?? '';
    const inContract = [...comment.matchAll(/\b([A-Z][A-Z_]{3,}): /g)].map(([, reason]) => reason!);
    const given = readCancelReasons();
    assert.ok(given.size > 1);
    assert.deepEqual(new Set(inContract), given);
    assert.deepEqual(
      [...given].filter((reason) => !named.has(reason)),
      [],
    );
  });

  it('has a picture of each exchange', () => {
    const parts = page.split(/^## /m).slice(1);
    const bare = parts.filter((part) => !part.includes('sequenceDiagram')).map((part) => part.split('\n')[0]);
    assert.deepEqual(bare, []);
  });
});
