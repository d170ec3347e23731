import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { ROOT } from '../../scripts/tool.ts';
import { connectionsWithin } from '../../server/config/descriptors.ts';
import { DEFAULTS } from '../../server/options.ts';
import { readConnectionLimits } from '../../server/transport/connection_limits.ts';
import { ACCESS_CONSTANTS, ACCESS_OPTIONS, ACCESS_REASONS } from './accesslimits.ts';
import { type ConstantRow, findProblems, isTitleIn, readConstant, readQuantities, readRows } from './limits.ts';
import { METRICS_CONSTANTS } from './metricslimits.ts';
import { REVERSE_CONSTANTS, REVERSE_REASONS } from './reverselimits.ts';
import { STORE_CONSTANTS, STORE_REASONS } from './storelimits.ts';
import { WAITING_CONSTANTS, WAITING_REASONS } from './waitinglimits.ts';
import { WEB_CONSTANTS, WEB_OPTIONS, WEB_REASONS } from './weblimits.ts';

const FILE = join(ROOT, 'docs', 'limits.md');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** What is no bound: where the server is, what it is called, and a choice of the contract. */
const OTHER_OPTIONS = ['listen', 'store', 'node', 'metrics', 'metricsPublic', 'classicSettleOnWrite'];
const NO_LIMITS: readonly string[] = [...OTHER_OPTIONS, ...WEB_OPTIONS, ...ACCESS_OPTIONS];
const SERVER = Object.fromEntries(Object.entries(DEFAULTS).filter(([name]) => !NO_LIMITS.includes(name)));

/** Options of the SDK that bound something, and flags of the command line. */
const OTHERS = ['maxOutstanding', 'maxOutstandingBytes', 'patienceMs', 'deadlineMs', 'connectTimeoutMs', 'concurrency'];
const FLAGS = [
  'max-payload',
  'max-result',
  'min-free',
  'retain-days',
  'retain-max',
  'ping-interval',
  'resume-window',
  'cancel-grace',
];

/** Constants that no option names: the beginning of their row, and where they are. */
const CONSTANTS: readonly ConstantRow[] = [
  ['text of a status', 'shared/errors.ts', 'MAX_TEXT_LENGTH', 'MAX_ENCODED_LENGTH'],
  ['path of a method', 'server/transport/headers.ts', 'MAX_PATH_LENGTH'],
  ['a request of reflection', 'server/transport/reflection.ts', 'MAX_REQUEST_BYTES'],
  ['a page of `ListClients`', 'server/api/admin.ts', 'MAX_PAGE'],
  ['a page of `ListClients`', 'server/api/tasks.ts', 'MAX_PAGE'],
  ['a page of `ListClients`', 'server/api/page.ts', 'MAX_PAGE_BYTES'],
  ['results of one `TellResult`', 'server/api/worker.ts', 'MAX_TOLD'],
  ['unacknowledged batches', 'server/api/producer.ts', 'MAX_BATCHES', 'MAX_BYTES'],
  ['results that one `StreamEnqueue`', 'server/api/awaited.ts', 'MAX_AWAITED'],
  ['results that all streams await', 'server/api/awaited.ts', 'MAX_AWAITED_IN_ALL'],
  ['items of a repeated field', 'server/transport/counts.ts', 'MAX_ITEMS'],
  ['`labels` of a worker', 'server/api/registration.ts', 'MAX_LABELS'],
  ['`labels` of a worker', 'server/api/batch.ts', 'MAX_METADATA_PAIRS'],
  ['deliveries that a worker', 'server/api/registration.ts', 'MAX_HOLDING'],
  ['fields of one message', 'server/transport/counts.ts', 'MAX_REST'],
  ['bytes of a request that', 'server/transport/bounds.ts', 'MAX_PLAIN_BYTES'],
  ['content type of a task', 'server/api/batch.ts', 'MAX_TEXT'],
  ['metadata of a task', 'server/api/batch.ts', 'MAX_METADATA_BYTES'],
  ['a label selector', 'server/model/selector.ts', 'MAX_LENGTH'],
  ['attempts of a task', 'server/model/retry.ts', 'DEFAULT_MAX_ATTEMPTS'],
  ['attempts of a task', 'server/api/batch.ts', 'MAX_ATTEMPTS'],
  ['losses of a task', 'server/model/retry.ts', 'MAX_LOST'],
  ['tasks of one batch', 'server/api/batch.ts', 'MAX_BATCH'],
  ['ids of one request', 'server/api/tasks.ts', 'MAX_IDS'],
  ['a checkpoint', 'server/api/status.ts', 'MAX_CHECKPOINT_BYTES'],
  ['message of a failure', 'server/api/status.ts', 'MAX_ERROR_BYTES', 'MAX_CODE_LENGTH', 'MAX_TYPE_LENGTH'],
  ['detail of a failure', 'server/api/status.ts', 'MAX_DETAIL_BYTES'],
  ['attempts that are kept', 'server/model/attempt.ts', 'MAX_KEPT'],
  ["a line of a task's log", 'server/api/status.ts', 'MAX_LINE_BYTES'],
  ["a line of a task's log", 'client/tasklog.ts', 'MAX_LINE_BYTES'],
  ['details of a failure', 'server/api/status.ts', 'MAX_DETAILS_BYTES'],
  ['details of a failure', 'client/task.ts', 'MAX_DETAILS_BYTES'],
  ['status of a worker', 'server/api/status.ts', 'MAX_STATUS_LENGTH', 'MAX_PROGRESS_LENGTH'],
  ['status of a worker', 'server/api/registration.ts', 'MAX_AGENT_LENGTH'],
  ['children of a broadcast', 'server/store/broadcasts.ts', 'MAX_CHILDREN', 'MAX_BROADCAST_BYTES'],
  ['time that a child', 'server/api/enqueue.ts', 'CHILD_EXPIRY_MS'],
  ['time for which an ended', 'server/transport/call.ts', 'LOOKS', 'MOST_LOOKS'],
  [
    'messages and bytes that wait',
    'server/transport/outflow.ts',
    'MAX_PENDING',
    'MAX_PENDING_BYTES',
    'SCARCE_PENDING_BYTES',
  ],
  ['unanswered `SendStatus`', 'server/transport/worker.ts', 'MAX_UNANSWERED', 'MAX_UNANSWERED_BYTES'],
  ['pause of a session that gives back', 'server/session/brake.ts', 'FIRST_MS', 'MAX_PAUSE_MS'],
  ['newest results kept', 'server/dispatch/results.ts', 'RECENT_COUNT', 'RECENT_BYTES'],
  ['tasks of one claim', 'server/dispatch/lanes.ts', 'MAX_CLAIM', 'MAX_REQUESTS'],
  ['connections that wait', 'server/transport/sockets.ts', 'BACKLOG'],
  ['calls open on all', 'server/transport/open_calls.ts', 'HEALTH_RESERVE', 'OPERATOR_RESERVE'],
  ['bytes received, answered or let go of', 'shared/collect.ts', 'WORTH_BYTES'],
  ['pieces of an unfinished', 'server/transport/debt.ts', 'PIECE_BYTES', 'SMALL_BYTES'],
  ['`DescribeTask` and `ListTasks`', 'server/api/pace.ts', 'PER_TURN'],
  ['of that budget, the last', 'server/session/budget.ts', 'SHARE_BYTES'],
  ['conditions of one filter', 'server/api/filter.ts', 'MAX_QUEUES', 'MAX_CLIENTS', 'MAX_CODES', 'MAX_PAIRS'],
  ['queues of one `GetTask`', 'server/api/registration.ts', 'MAX_QUEUES'],
  ['queue names of all open', 'server/api/names.ts', 'MAX_NAMES'],
  ['selectors of one queue', 'server/dispatch/selectors.ts', 'MAX_QUEUE_SELECTORS'],
  ['selectors of all queues', 'server/dispatch/selectors.ts', 'MAX_SELECTORS'],
  ['classic `getTask`', 'server/api/pairs.ts', 'MAX_WAITING'],
  ['connections broken in a row', 'client/batch.ts', 'MAX_CUTS'],
  ['connections broken in a row', 'client/outbox.ts', 'MAX_CUTS'],
  ['bytes of one message of the SDK', 'client/newtask.ts', 'MAX_PAYLOAD_BYTES'],
  ['tasks and bytes of a producer', 'client/producer.ts', 'MAX_OUTSTANDING', 'MAX_OUTSTANDING_BYTES'],
  ['time for which a producer', 'client/producer.ts', 'PATIENCE_MS'],
  ['time that `enqueue()`', 'client/producer.ts', 'ENQUEUE_DEADLINE_MS'],
  ['tasks of one `enqueueBatch()`', 'client/producer.ts', 'MAX_WHOLE_BATCH'],
  ['time of a unary call of a stub', 'client/caller/options.ts', 'UNARY_DEADLINE_MS'],
  ['messages that a source gives', 'client/caller/requests.ts', 'MESSAGES_PER_TURN'],
  ['time of a `call()`', 'client/calltask.ts', 'DEADLINE_MS'],
  ['time to connect', 'client/connection.ts', 'CONNECT_TIMEOUT_MS'],
  ['time without a call after which a client', 'client/channel.ts', 'IDLE_MS'],
  ...REVERSE_CONSTANTS,
  ...METRICS_CONSTANTS,
  ...WEB_CONSTANTS,
  ...STORE_CONSTANTS,
  ...ACCESS_CONSTANTS,
  ...WAITING_CONSTANTS,
  ['middlewares of a worker', 'client/define/middleware.ts', 'MAX_MIDDLEWARES'],
  ['tasks that a worker runs', 'client/define/handled.ts', 'MAX_CREDIT'],
  ['results kept in a spool', 'client/spool.ts', 'MAX_BYTES'],
  ['lines that a worker keeps', 'client/tasklog.ts', 'MAX_LINES', 'MAX_BYTES'],
  ['a line of stderr', 'cli/linecutter.ts', 'MAX_LINE_LENGTH'],
  ['progress of a task', 'client/session.ts', 'PROGRESS_INTERVAL_MS'],
  ['progress of a task', 'client/delivery.ts', 'MAX_PROGRESS_BYTES'],
  ['detail of a failure', 'client/detail.ts', 'MAX_DETAIL_BYTES'],
  ['failures that a worker says', 'client/failurelog.ts', 'MAX_LINES', 'PACE_MS', 'MAX_SHOWN'],
  ['pause of a worker', 'client/failure.ts', 'RELEASE_PAUSE_MS'],
  ['pause of a named worker', 'client/rivalry.ts', 'BASE_MS', 'CAP_MS'],
  ['a payload or line', 'cli/enqueue.ts', 'MAX_INPUT_BYTES'],
  ['log of `contact serve`', 'cli/serve/sink.ts', 'MAX_UNWRITTEN_BYTES'],
  ['clients that have gone whose runs', 'server/session/ends.ts', 'MAX_GONE'],
  ['cancels that a node hears of before', 'server/session/orders.ts', 'MAX_EARLY'],
];

/** Constants that stand in another cell: in the name of their row, or in what reaching it answers. */
const BESIDE: readonly [cell: 'what' | 'answer', row: string, file: string, name: string][] = [
  ['what', 'queue names of all open', 'server/api/names.ts', 'FREE_NAMES'],
  ['what', 'selectors of all queues', 'server/dispatch/selectors.ts', 'FREE_SELECTORS'],
  ['answer', 'queue names of all open', 'server/api/names.ts', 'COME_AGAIN_MS'],
  ['answer', 'sessions of one principal', 'server/api/places.ts', 'COME_AGAIN_MS'],
  ['answer', 'selectors of one queue', 'server/dispatch/selectors.ts', 'COME_AGAIN_MS'],
  ['answer', 'calls open on all', 'server/transport/open_calls.ts', 'COME_AGAIN_MS'],
  ['answer', 'of those, kept for operators', 'server/transport/connection_places.ts', 'COME_AGAIN_MS'],
  ['answer', 'streams of callers without', 'server/transport/public_calls.ts', 'COME_AGAIN_MS'],
  ['answer', 'bytes of unfinished messages', 'server/transport/open_calls.ts', 'COME_AGAIN_MS'],
  ['answer', 'results that one `StreamEnqueue`', 'server/api/awaited.ts', 'RETRY_AFTER_MS'],
  ['answer', 'backups at a time', 'server/store/file/backup.ts', 'COME_AGAIN_MS'],
  ['answer', 'free disk below which', 'server/store/file/space.ts', 'COME_AGAIN_MS'],
  ['answer', 'children of a broadcast', 'server/dispatch/addressing.ts', 'MAX_CLIENTS'],
];

/** Names of bounds, and of what is answered at one. */
const BOUND =
  /^(?:export )?const ((?:MAX|MOST|FREE)_\w+|\w+_(?:LIMIT|RESERVE|BYTES|EXPIRY_MS|AGAIN_MS|AFTER_MS)) = (?!new\b)/gm;

const WEIGHT = 'about what one of them takes; their sum has a row';

/** Constants of the server that are named like bounds and have no row, and why. */
const REASONS: Readonly<Record<string, string>> = {
  ...REVERSE_REASONS,
  ...STORE_REASONS,
  ...ACCESS_REASONS,
  ...WAITING_REASONS,
  ...WEB_REASONS,
  'server/dispatch/bulk.ts MAX_NAMED': 'items that an answer about a filter names; all are done and counted',
  'server/api/clients.ts MAX_TASKS': 'tasks of a session that an operator is told; all are counted',
  'server/dispatch/due.ts MAX_WAIT_MS': 'a time between two looks',
  'server/dispatch/operations.ts MAX_LANES': 'the fullest lanes that a listing looks at',
  'server/dispatch/operations.ts MAX_PRIORITIES': 'priorities that a listing names',
  'server/history/history.ts MAX_PRIORITIES': 'priorities that are looked at for the oldest task',
  'server/dispatch/selectors.ts MOST_SELECTORS': 'the sum of two rows',
  'server/dispatch/turns.ts MAX_QUEUES': 'those beyond it begin their turns anew with each session',
  'server/session/budget.ts SHARE_OF_LIMIT': 'a part of a limit that has a row',
  'server/session/batches.ts TASK_OVERHEAD_BYTES': WEIGHT,
  'server/api/awaited.ts MESSAGE_BYTES': WEIGHT,
  'server/api/awaited.ts RESULT_BYTES': WEIGHT,
  'server/transport/debt.ts WINDOW_BYTES': 'a number of HTTP/2',
  'server/transport/flows.ts CURSOR_BYTES': WEIGHT,
  'server/transport/flows.ts FILES_BYTES': WEIGHT,
  'server/transport/flows.ts SMALL_BYTES': WEIGHT,
  'server/api/observer.ts MESSAGE_BYTES': WEIGHT,
  'server/transport/outflow.ts EMPTY_BYTES': WEIGHT,
  'server/transport/outflow.ts MESSAGE_BYTES': WEIGHT,
  'server/api/page.ts OVERHEAD_BYTES': WEIGHT,
  'server/transport/producer.ts ANSWER_BYTES': WEIGHT,
  'server/transport/producer.ts ID_BYTES': WEIGHT,
  'server/transport/producer.ts PAIR_BYTES': WEIGHT,
  'server/transport/producer.ts TASK_BYTES': WEIGHT,
  'server/transport/producer.ts UNSERVED_BYTES': WEIGHT,
  'server/api/batch.ts PRIORITY_LIMIT': 'its row says the largest below it, and its own test reaches it',
  'server/transport/worker.ts OUTCOME_BYTES': WEIGHT,
  'server/config/descriptors.ts MOST_CONNECTIONS': 'the default of maxConnections',
  'server/model/expiry.ts MAX_CHARACTERS': 'of words that are 4 KiB at most when they are stored',
  'server/options.ts MAX_INSTANT_MS': 'what a clock of a program may tell',
  'server/api/audit.ts MAX_TEXT': 'of a text that a line of the log quotes',
  'server/api/audit.ts MAX_FILTER': 'of a text that a line of the log quotes',
  'server/config/kinds.ts MAX_TIMER_MS': 'what an option may say',
  'server/config/rows.ts MAX_MESSAGE_PART': 'what an option may say',
  'server/config/file.ts MAX_FILE_BYTES': 'of a file that an operator writes',
  'server/session/session.ts MAX_SEQ': 'its row says 2^31, and its own test reaches it',
  'server/api/classic.ts MAX_STATUS_LENGTH': 'in the row of the status of a worker',
  'server/transport/counts.ts MAX_DEPTH': 'of the messages of the contract, which a client cannot choose',
  'server/transport/headers.ts MAX_TIMER_MS': 'its row says 2^31 - 1 ms, and its own test reaches it',
  'server/api/producer.ts MAX_ABANDONED': 'the items of a repeated field, which have a row',
  'server/api/status.ts MAX_ITEMS': 'the items of a repeated field, which have a row',
  'server/api/tasks.ts MAX_REASON_LENGTH': 'the words of a cancel are cut as a status is',
  'wire/reader.ts MAX_DECODED': 'twice the items of a repeated field, as their row says',
  'wire/reader.ts MAX_KNOWN': 'longer names are only read without a look at the one before',
};

describe('docs/limits.md', () => {
  const text = readFileSync(FILE, 'utf8');
  const rows = readRows(text);

  it('names a test that there is, in every row', () => {
    const missing = rows.flatMap(({ what, tests }) =>
      tests.length === 0
        ? [`${what}: no test`]
        : tests.flatMap(({ file, title }) =>
            existsSync(join(ROOT, file)) && isTitleIn(title, read(file)) ? [] : [`${what}: ${file}: ${title}`],
          ),
    );
    assert.deepEqual(missing, []);
  });

  it('names every option that bounds something', () => {
    const names = [...Object.keys(SERVER), ...OTHERS, ...FLAGS.map((flag) => `--${flag}`)];
    const named = rows.map(({ what }) => what).join('\n');
    assert.deepEqual(
      names.filter((name) => !named.includes(`\`${name}\``)),
      [],
    );
  });

  it('has the defaults of the options', () => {
    // This machine may have fewer descriptors.
    const all = { ...DEFAULTS, maxConnections: connectionsWithin(Number.POSITIVE_INFINITY) };
    const { maxConnections, reserved, perPrincipal } = readConnectionLimits(all, true);
    const ofConnections = { maxConnections, reservedConnections: reserved, maxConnectionsPerPrincipal: perPrincipal };
    const defaults = { ...SERVER, ...ofConnections };
    assert.deepEqual(findProblems(rows, defaults), []);
  });

  it('has the values of the constants', () => {
    const wrong = (cell: 'what' | 'value' | 'answer', start: string, file: string, name: string): string[] => {
      const row = rows.find(({ what }) => what.startsWith(start));
      const value = readConstant(name, read(file));
      return row && value !== undefined && readQuantities(row[cell]).includes(value)
        ? []
        : [`${file} ${name} = ${value}: ${row?.[cell] ?? `no row begins with ${start}`}`];
    };
    const inValue = CONSTANTS.flatMap(([start, file, ...names]) =>
      names.flatMap((name) => wrong('value', start, file, name)),
    );
    assert.deepEqual([...inValue, ...BESIDE.flatMap((one) => wrong(...one))], []);
  });

  it('names no answer that its test does not', () => {
    const untold = rows.flatMap(({ what, answer, tests }) => {
      const sources = tests.map(({ file }) => read(file));
      return [...answer.matchAll(/`([A-Z_]+)`/g)]
        .filter(
          ([, code]) => (code! in status || code!.includes('_')) && !sources.some((source) => source.includes(code!)),
        )
        .map(([code]) => `${what}: ${code}`);
    });
    assert.deepEqual(untold, []);
  });

  it('has a row, or here a reason why not, for all that is named like a bound of the server', () => {
    const inValue = CONSTANTS.flatMap(([, file, ...names]) => names.map((name) => `${file} ${name}`));
    const known = new Set([...inValue, ...BESIDE.map(([, , file, name]) => `${file} ${name}`)]);
    const named = new Set(
      globSync(['server/**/*.ts', 'wire/*.ts', 'tunnel/*.ts'], { cwd: ROOT }).flatMap((file) =>
        [...read(file).matchAll(BOUND)].map(([, name]) => `${file} ${name}`),
      ),
    );
    assert.deepEqual(
      [...named].filter((name) => !known.has(name) && !(name in REASONS)),
      [],
    );
    assert.deepEqual(
      Object.keys(REASONS).filter((name) => !named.has(name)),
      [],
    );
  });

  it('is looked at in a way that finds what is wrong', () => {
    const wrong = readRows(
      '| what | d | a | test |\n|---|---|---|---|\n| a (`pingIntervalMs`) | 6 s | x | `test/a.ts`: b |',
    );
    assert.equal(findProblems(wrong, { pingIntervalMs: 5_000 }).length, 1);
    assert.equal(isTitleIn('b', "it('a b', () => {})"), false);
    assert.equal(isTitleIn('a 7 b', `it(\`a \${n} b\`, () => {})`), true);
    assert.equal(isTitleIn('a 7 c', `it(\`a \${n} b\`, () => {})`), false);
    for (const untried of ["// it('a b')", " * 'a b'", "it.skip('a b', () => {})", "describe.skip('a b', f)"]) {
      assert.equal(isTitleIn('a b', `${untried}\nit('c', () => {})`), false, untried);
    }
  });
});
