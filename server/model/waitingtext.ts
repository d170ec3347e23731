import { cutText, lineOf } from '../../shared/text.ts';
import type { Progress, Reason } from './waiting.ts';

/** Characters of somebody else's words that are told in a line, and kept of the progress of a run. */
export const MAX_WORDS = 200;

const wordsOf = (text = ''): string => lineOf(cutText(text, MAX_WORDS));

const instant = (ms: number): string => new Date(ms).toISOString();
const counted = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

/** A few names in brackets after what they are of; nothing where none is told. */
function listed(names: readonly string[] = [], count = names.length): string {
  return names.length === 0 ? '' : ` (${names.join(', ')}${count > names.length ? ', …' : ''})`;
}

/** `the one client that may take it`, or how many of them. */
function clientsOf({ count = 0, of = count, clientIds }: Reason): string {
  const who =
    of === 1 ? 'the one client' : count === of ? `each of the ${of} clients` : `${count} of the ${of} clients`;
  return `${who} that may take it${listed(clientIds, count)}`;
}

const isOne = ({ count = 0, of = count }: Reason): boolean => count === 1 || count === of;

/** `is` or `are`, after `clientsOf`. */
function verb(reason: Reason, one: string, many: string): string {
  return isOne(reason) ? one : many;
}

const placeOf = ({ queue, isCall }: Reason): string => `${isCall ? 'the method' : 'the queue'} ${queue}`;

/** A duration that people read: `12 s`, `3 min`, `2 h`, `4 d`. */
function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

function progressText({ fraction, message, toldAt }: Progress, now: number): string {
  const said = [fraction >= 0 ? `${Math.round(fraction * 100)} %` : '', wordsOf(message)].filter(Boolean).join(' ');
  return said === '' ? '' : `, ${said} told ${lasting(now - toldAt)} ago`;
}

function nobody(reason: Reason): string {
  const { selector, count = 0, clientIds, queues = [] } = reason;
  const wanted = selector === undefined ? 'a client' : `a client that matches ${selector}`;
  const others = `${counted(count, 'client')}${listed(clientIds, count)} ${count === 1 ? 'serves' : 'serve'} others`;
  const instead = count === 0 ? 'no client is' : `${others}${queues.length > 0 ? `: ${queues.join(', ')}` : ''}`;
  const there = count === 0 ? `; ${instead} connected` : `; ${instead}`;
  return `${wanted}: none that is connected serves ${placeOf(reason)}${there}`;
}

/** What a task waits for, in the words that all use: they follow `waiting for`. */
export function describeReason(reason: Reason, now: number): string {
  const { kind, clientIds = [], queues = [], since, until, limit = 0, count = 0, lastError, progress } = reason;
  const who = clientIds[0] ?? 'its client';
  const at = until === undefined ? '' : instant(until);
  const told = progress ? progressText(progress, now) : '';
  const running = `${since === undefined ? '' : ` for ${lasting(now - since)}`}${told}`;
  switch (kind) {
    case 'shutting_down':
      return 'the server to be back: it is shutting down and gives out nothing more';
    case 'store':
      return `the server to write again: ${wordsOf(lastError)}`;
    case 'paused':
      return `${placeOf(reason)} to be resumed: it is paused`;
    case 'delayed':
      if (count > 0) return `the time of ${counted(count, 'scheduled task')}`;
      return at === '' ? 'its time' : `its time, ${at}`;
    case 'retry':
      return `a retry at ${at}, after ${counted(count, 'failed attempt')}${lastError ? `, the last: ${wordsOf(lastError)}` : ''}`;
    case 'broadcast':
      return 'its broadcast to be complete';
    case 'children':
      return 'its children';
    case 'client_absent':
      if (reason.isVague) return `client ${who}, which is not connected or does not serve ${placeOf(reason)}`;
      return `client ${who}, which is not connected${since === undefined ? ' and not remembered' : ` since ${instant(since)}`}`;
    case 'client_elsewhere':
      return `client ${who}, which is connected but does not serve ${placeOf(reason)}${queues.length > 0 ? `; it serves ${queues.join(', ')}` : ''}`;
    case 'not_served':
      return nobody(reason);
    case 'no_match': {
      const have = (reason.labels ?? []).map((one) => one || 'no labels');
      const those = count === 1 ? 'the one client' : `the ${count} clients`;
      const serving = `${those}${listed(clientIds, count)} of ${placeOf(reason)} ${count === 1 ? 'does' : 'do'} not`;
      return `a client that matches ${reason.selector}: ${serving}${have.length > 0 ? `, with ${have.join('; ')}` : ''}`;
    }
    case 'drained':
      return `a client that is not drained: ${clientsOf(reason)} ${verb(reason, 'is', 'are')} drained`;
    case 'unread':
      return `a client that reads: ${clientsOf(reason)} ${verb(reason, 'has', 'have')} not read what was sent`;
    case 'overdue':
      return `a client that answers: ${clientsOf(reason)} ${verb(reason, 'has', 'have')} an attempt that did not end in time`;
    case 'limit':
      return `a place in ${placeOf(reason)}: ${count} of at most ${limit} run`;
    case 'gives_back':
      return `a client that works: ${clientsOf(reason)} ${verb(reason, 'has', 'have')} given tasks back with nothing done`;
    case 'budget':
      return `the server to send more: all that it may have sent and unread is, ${clientsOf(reason)} ${verb(reason, 'waits', 'wait')}`;
    case 'full':
      return limit === 0
        ? `credit: ${clientsOf(reason)} ${verb(reason, 'asks', 'ask')} for no tasks now`
        : `credit: ${clientsOf(reason)} ${verb(reason, 'holds', 'hold')} all that ${verb(reason, 'it', 'they')} may, ${limit} together`;
    case 'turn':
      if (reason.count === undefined) return 'its turn';
      if (count === 0) return 'its turn: it is next';
      return `its turn: ${reason.isAtLeast ? 'at least ' : ''}${counted(count, 'other')} ${count === 1 ? 'is' : 'are'} before it`;
    case 'lost':
      return `on ${who}${running}, whose connection was lost: it may come back until ${at}, then others get the task`;
    case 'claimed':
      return `on ${who}, which has it${reason.isVague ? '; whether it has begun is not known' : ' and has not said that it began'}${told}`;
    case 'running':
      return `on ${who}${since === undefined ? ', since when is not known' : ''}${running}`;
  }
}

/** All of it in one line. */
export function describeWaiting(reasons: readonly Reason[], now: number): string {
  return joinWords(reasons.map((reason) => describeReason(reason, now)));
}

/** The same of reasons that are in words already. */
export function joinWords(words: readonly string[]): string {
  return words.join('; also ');
}
