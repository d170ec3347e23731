import { type Mutant, transport, unit } from './mutant.ts';

/** Counts that are not what happened, and labels without a bound. */
export const METRICS_MUTANTS: readonly Mutant[] = [
  {
    id: 'guess not counted whose client does not wait',
    file: 'server/transport/gate.ts',
    find: 'const error = ContactError.from(reason);\n        countRefusal(headers, error);',
    replace:
      'const error = ContactError.from(reason);\n        const tell = refuse;\n        refuse = (e) => (countRefusal(headers, e), tell(e));',
    caughtBy: transport('refused', 'is counted once by why it was not, also when its client does not wait to be told'),
  },
  {
    id: 'wrong role not counted',
    file: 'server/transport/gate.ts',
    find: 'countRefusal(headers, error);\n          refuse(error, caller);',
    replace: 'refuse(error, caller);',
    caughtBy: transport('refused', 'is counted once by why it was not, also when its client does not wait to be told'),
  },
  {
    id: 'a trace that a call has of its own comes after what is active',
    file: 'client/caller/tracing.ts',
    find: '...(own.traceparent === undefined ? {} : { parent: own }),',
    replace: '',
    caughtBy: transport(
      'tracing',
      'have those of a live call in one tree, over caller, server and callee, with those of the handler',
    ),
  },
  {
    id: 'version 0 of a traceparent with more behind it',
    file: 'shared/traceparent.ts',
    find: '(version === VERSION_0 && rest !== undefined)',
    replace: 'false',
    caughtBy: unit('traceparent', 'takes none that has version 0 and more behind it'),
  },
  {
    id: 'labels without a bound',
    file: 'server/metrics/labels.ts',
    find: '.slice(0, max - labelled.size + gone.length)',
    replace: '',
    caughtBy: unit('metrics-rows', 'has numbers for 10,000 queues and no more labels than it may'),
  },
  {
    id: 'label of the largest given to another',
    file: 'server/metrics/labels.ts',
    find: 'b.size - a.size || ',
    replace: '',
    caughtBy: unit('metrics-rows', 'gives them to the largest, by name among equals'),
  },
  {
    id: 'counter of the others falls',
    file: 'server/metrics/rows.ts',
    find: '      for (const queue of given) add(kept, entries.get(queue)?.hidden);\n',
    replace: '',
    caughtBy: unit('metrics-rows', 'adds up the others, and never tells less of them than before'),
  },
  {
    id: 'told twice of a queue that gets a label',
    file: 'server/metrics/rows.ts',
    find: 'told.set(queue, without(row, entry.hidden))',
    replace: 'told.set(queue, row)',
    caughtBy: unit('metrics-rows', 'adds up the others, and never tells less of them than before'),
  },
  {
    id: 'resent task counted twice',
    file: 'server/store/counted.ts',
    find: 'if (outcomes[at]?.deduplicated) counter.deduplicated?.();\n    else counter',
    replace: 'counter',
    caughtBy: transport('metrics', 'shows the load that there was, exactly, to a parser that is not ours'),
  },
  {
    id: 'bucket holds what is in it alone',
    file: 'server/metrics/histogram.ts',
    find: '    count += value;\n',
    replace: '    count = value;\n',
    caughtBy: transport('metrics', 'shows the load that there was, exactly, to a parser that is not ours'),
  },
  {
    id: 'ready while nothing can be written',
    file: 'server/store/sqlite/store.ts',
    find: 'disk?.guard.refusal() ?? writing.last()',
    replace: 'disk?.guard.refusal()',
    caughtBy: transport('metrics', 'answers whether the server lives and is ready, until the end'),
  },
  {
    id: 'metrics told to everybody',
    file: 'server/options.ts',
    find: 'if (metricsPublic || isLoopback(address.host)) return address;',
    replace: 'return address;',
    caughtBy: transport('metrics', 'is where others reach it only if that was said'),
  },
];
