import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { readTree } from '../../scripts/tree.ts';

/** A text that begins with a field written by hand: whoever reads the error would have to take it apart again. */
const BY_HAND = /['`](?:tasks\[\d+\]\.)?([a-z_-]+): [^'`]/;
/** Words in front of what is about no field: a place in the program, a header of HTTP, a failure of a task. */
const TOPICS = new Set(['contact', 'store', 'gap', 'grpc-encoding', 'grpc-timeout', 'payload', 'result']);

describe('errors that name a field', () => {
  it('have it as data, in every folder', () => {
    const found: string[] = [];
    for (const folder of ['server', 'shared', 'client', 'testing']) {
      for (const [path, text] of readTree(join(ROOT, folder))) {
        if (!text.includes('ContactError')) continue;
        for (const line of text.split('\n')) {
          const word = /^\s*(\*|\/)/.test(line) ? undefined : BY_HAND.exec(line)?.[1];
          if (word && !TOPICS.has(word)) found.push(`${folder}/${path}: ${line.trim()}`);
        }
      }
    }
    assert.deepEqual(found, []);
  });
});

/** Catches that ask nothing of the error, or ask for their own purpose, each with what it is about. */
const NO_OPERATIONS: Readonly<Record<string, string>> = {
  'api/audit.ts': 'tells the outcome of an act in the log, and throws the same error on',
  'api/batch.ts': 'gives a refusal the place of its task',
  'api/classic.ts': 'text that is no UTF-8',
  'api/durable.ts': 'gives a refusal the name of its field; a result that nobody waits for yet',
  'api/enqueue.ts': 'gives a refusal the name of its field',
  'dispatch/addressing.ts': 'gives a refusal the place of its task',
  'session/serial.ts': 'waits for the end; whoever began it is told of the error',
};

/** A catch that looks at no error, or that decides by itself which error is a refusal. */
const OWN_JUDGEMENT = /\bcatch \{|\.catch\(\(\) =>|instanceof ContactError/;

describe('what the store refuses', () => {
  it('is judged by store/failure.ts alone, wherever the server asks it by itself', () => {
    const found = ['api', 'session', 'dispatch'].flatMap((layer) =>
      [...readTree(join(ROOT, 'server', layer))].flatMap(([path, text]) =>
        OWN_JUDGEMENT.test(text) ? `${layer}/${path}` : [],
      ),
    );
    assert.deepEqual(found.toSorted(), Object.keys(NO_OPERATIONS));
  });
});
