import { type Mutant, transport, unit } from './mutant.ts';

const misplacedText = transport(
  'misplaced',
  'is hidden where it stands in a text that others are shown: of a worker, and why a task is cancelled',
);

/** Of credentials in the place of names, and in texts that others are shown. */
export const NAME_MUTANTS: readonly Mutant[] = [
  {
    id: 'names: a credential is one',
    file: 'shared/ids.ts',
    find: ' || holdsCredential(text)',
    replace: '',
    caughtBy: unit(
      'names',
      'a name that is none is the text of a credential too, by itself or with more, of which nothing is shown',
    ),
  },
  {
    id: 'names: an idempotency key may be a credential',
    file: 'server/api/batch.ts',
    find: 'if (holdsCredential(text)) throw',
    replace: 'if (text === place(name)) throw',
    caughtBy: transport('misplaced', 'is refused, and repeated nowhere: idempotency key'),
  },
  {
    id: 'names: what is nearly a credential is one',
    file: 'shared/redact.ts',
    find: '[/(ct_[a-z0-9]{16}_)[A-Za-z0-9_-]{20,}/g,',
    replace: '[/\\b(ct_[a-z0-9]{16}_)[A-Za-z0-9_-]{43}\\b/g,',
    caughtBy: unit(
      'names',
      'a name that is none is the text of a credential too, by itself or with more, of which nothing is shown',
    ),
  },
  {
    id: 'texts: the agent of a worker shows a credential',
    file: 'server/api/registration.ts',
    find: 'agent: hideSecrets(',
    replace: 'agent: (',
    caughtBy: misplacedText,
  },
  {
    id: 'texts: the reason of a cancel shows a credential',
    file: 'server/api/tasks.ts',
    find: 'const why = hideSecrets(',
    replace: 'const why = (',
    caughtBy: misplacedText,
  },
  {
    id: 'metadata: it has a credential',
    file: 'server/api/batch.ts',
    find: 'holdsOwnCredential(key) || holdsOwnCredential(metadata[key]!)',
    replace: 'holdsOwnCredential(key)',
    caughtBy: transport('misplaced', 'is refused, and repeated nowhere: metadata of a task'),
  },
  {
    id: 'metrics: a token is the label of a series',
    file: 'server/metrics/labels.ts',
    find: ' && !holdsCredential(queue)',
    replace: '',
    caughtBy: unit(
      'metrics-rows',
      'createQueueLabels() gives none to a token that an older version has taken for the name of a queue',
    ),
  },
  {
    id: 'names: a credential is in the log',
    file: 'shared/logger.ts',
    find: 'hideSecretsIn(fields) as object',
    replace: 'fields',
    caughtBy: transport('misplaced', 'is refused, and repeated nowhere: queue to pause'),
  },
];
