import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { writeDuration, writeSize } from '../../shared/quantity.ts';
import type { ServerFacts } from './facts.ts';
import { cut, type Finding, note, ok, wrong } from './finding.ts';

const DAY_MS = 86_400_000;
/** Of a certificate: whoever renews it by hand has time, and one that is renewed by itself should have been. */
const CERTIFICATE_MS = 14 * DAY_MS;
const CLOCK_MS = 2_000;
/** A part of a bound at which somebody should hear of it. */
const NEAR = 0.8;
const LOG_BYTES = 256 << 20;
const FEW_FILES = 4_096;
const LAGGING = 100_000;

/** What to do of a limit that is near its end, and what happens there, by its name. */
const LIMIT_ADVICE: ReadonlyMap<string, string> = new Map([
  [
    'connections',
    'further ones are refused: more descriptors and --max-connections, if they are wanted ("contact clients list")',
  ],
  [
    'admitted_connections',
    'further callers are refused: more descriptors and --max-connections ("contact clients list" says who is there)',
  ],
  ['open_calls', 'further calls are refused: raise --max-open-calls, or find the client that leaves them open'],
  [
    'open_reverse_calls',
    'further calls to clients are refused: raise --max-open-calls, or find the caller that leaves them open',
  ],
  [
    'unreceipted_bytes',
    'workers read more slowly than they are given: raise --unreceipted-budget, or look what holds them up',
  ],
  [
    'waiting_tasks',
    'further tasks are refused: start more workers, or raise --max-waiting-tasks ("contact queues list" says where they wait)',
  ],
  ['queues', 'tasks of further queues are refused: keep settled tasks less long, delete queues, or raise --max-queues'],
]);

/** A look at a server that answers. */
type ServerCheck = (facts: Required<Pick<ServerFacts, 'info'>> & ServerFacts) => readonly Finding[];

/** Each looks at one thing, and at no other. */
export const SERVER_CHECKS: readonly ServerCheck[] = [
  ({ info, clientVersion }) =>
    info.version === clientVersion
      ? [ok('version', `server and command are ${clientVersion}`)]
      : [
          note(
            'version',
            `the server is ${info.version}, this command ${clientVersion}`,
            'upgrade the older one, when it suits',
          ),
        ],

  ({ info, aheadMs, roundTripMs = 0 }) => {
    if (!info.now || aheadMs === undefined) return [note('clock', 'the server does not tell its time', 'upgrade it')];
    const differs = Math.abs(aheadMs) - roundTripMs / 2;
    if (differs <= CLOCK_MS) return [ok('clock', 'both clocks tell the same time')];
    const way = aheadMs > 0 ? 'ahead of' : 'behind';
    const what = `the server's clock is ${showDuration(Math.abs(aheadMs))} ${way} this machine's`;
    return [wrong('clock', what, 'set both by NTP: delays, expiry, retention and certificates go by them')];
  },

  ({ info }) =>
    info.trouble === ''
      ? [ok('tasks', 'new tasks are taken')]
      : [
          wrong(
            'tasks',
            `new tasks are refused: ${info.trouble}`,
            'give the disk of the store room, or look into the log of the server',
          ),
        ],

  ({ info, isLocal }) => {
    if (info.authenticated) return [ok('authentication', 'callers have to say who they are')];
    const what = 'whoever reaches the server may do everything';
    if (isLocal)
      return [
        note('authentication', what, 'if others reach it than this machine, start it with --auth on and --tls auto'),
      ];
    return [wrong('authentication', what, 'start it with --auth on and --tls auto, or behind a proxy that asks')];
  },

  ({ info, now }) => {
    const endsAt = at(info.certificateExpiresAt);
    if (endsAt === undefined) return [];
    const left = endsAt - now;
    const date = new Date(endsAt).toISOString().slice(0, 10);
    if (left > CERTIFICATE_MS) return [ok('certificate', `it ends on ${date}`)];
    const what = left <= 0 ? `it has ended on ${date}` : `it ends on ${date}, in ${showDuration(left)}`;
    return [wrong('certificate', what, 'renew it; the server takes the new files by itself within a minute')];
  },

  ({ info }) =>
    cut(
      info.fileProblems.map(({ problem, advice, harmless }) =>
        (harmless ? note : wrong)('certificate', problem, advice),
      ),
    ),

  ({ unsent }) => {
    if (unsent === undefined) return [];
    const what = `the server does not send the certificate of ${unsent}, who has signed the last one that it sends`;
    const advice =
      'put it behind the others in the file of --tls-cert (fullchain.pem of certbot), else only who trusts it can connect';
    return [note('certificate', what, advice)];
  },

  ({ info: { space } }) => {
    if (!space) return [];
    const free = `${showSize(space.free)} are free on its disk`;
    if (space.free < 4n * space.minFree) {
      const advice = `below ${showSize(space.minFree)} tasks are refused: give it room, or keep less ("contact queues retain")`;
      return [wrong('disk', free, advice)];
    }
    const what = `the store takes ${showSize(space.database)}, and ${free}`;
    if (space.free < space.database / 10n) return [note('disk', what, 'a backup needs as much again while it is made')];
    return [ok('disk', what)];
  },

  ({ info: { space } }) =>
    space && space.log > LOG_BYTES
      ? [
          wrong(
            'log',
            `the write-ahead log of the store is ${showSize(space.log)} long`,
            'somebody reads an old state of the file and keeps it from beginning anew: end that program (a backup, a sqlite3 shell)',
          ),
        ]
      : [],

  ({ info }) =>
    info.limitsUsed
      .filter(({ used, max }) => Number(used) >= NEAR * Number(max))
      .map(({ name, used, max }) =>
        wrong(
          'limits',
          `${used} of ${max} ${name.replaceAll('_', ' ')} are used`,
          LIMIT_ADVICE.get(name) ?? 'docs/limits.md says how to have more, and what happens then',
        ),
      ),

  ({ info }) =>
    Object.entries(info.limitsReached)
      .filter(([, count]) => count > 0n)
      .map(([name, count]) =>
        note(
          'limits',
          `${name.replaceAll('_', ' ')}: reached ${count} times since the server started`,
          'find out which client asks for so much, or raise it (docs/limits.md)',
        ),
      ),

  ({ info }) =>
    info.maxFiles > 0 && info.maxFiles < FEW_FILES
      ? [
          note(
            'descriptors',
            `the server may have ${info.maxFiles} files and sockets open`,
            'for more clients raise it where the server is started (ulimit -n, LimitNOFILE=)',
          ),
        ]
      : [],

  ({ info }) =>
    info.observerLag > LAGGING
      ? [
          note(
            'observers',
            `the slowest observer is ${info.observerLag} results behind`,
            'what retention forgets before it has been read is a gap to it: let it read faster, or keep more',
          ),
        ]
      : [],

  ({ info: { retention } }) =>
    retention && retention.seconds === 0 && retention.max === 0
      ? [
          note(
            'retention',
            'settled tasks are kept for ever',
            'the disk fills: start the server with --retain-days or --retain-max',
          ),
        ]
      : [],
];

function at(time: Timestamp | undefined): number | undefined {
  return time && timestampMs(time);
}

/** In its largest unit: what is read is about how much, not how much exactly. */
export function showDuration(ms: number): string {
  const units = [DAY_MS, 3_600_000, 60_000, 1_000];
  const unit = units.find((one) => ms >= one) ?? 1;
  return writeDuration(Math.floor(ms / unit) * unit);
}

export function showSize(bytes: bigint | number): string {
  const size = Number(bytes);
  const unit = [2 ** 40, 2 ** 30, 2 ** 20, 2 ** 10].find((one) => size >= one);
  return unit === undefined
    ? writeSize(size)
    : `${(size / unit).toFixed(1)} ${['KiB', 'MiB', 'GiB', 'TiB'][Math.log2(unit) / 10 - 1]}`;
}
