import { ContactError, invalid } from '../../shared/errors.ts';
import { isName } from '../../shared/ids.ts';
import { PRINCIPAL_KEY } from '../../shared/keys.ts';
import type { Pair } from '../../tunnel/frame.ts';
import { asFarAs, holdersOf, mayAddress, mayCall } from '../model/caller.ts';
import { parseSelector } from '../model/selector.ts';
import type { Wanted } from './callee.ts';
import type { Caller } from './caller.ts';

// What a caller asks of the server itself, in the metadata of its call.

const CALLER_KEY = 'contact-caller';
const WAIT_KEY = 'contact-wait';
const CLIENT_KEY = 'contact-client';
export const SELECTOR_KEY = 'contact-selector';
const OURS = 'contact-';
export const CREDENTIAL_KEY = 'authorization';

const MAX_WAIT_MS = 60_000;
const WAIT = /^(\d{1,6})(ms|s|m)$/;
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
]);

/** What the callee is told of the caller's metadata, but for its credential, and what the server says of the caller. */
export function forward({ metadata, peer, who: { principal } }: Caller): readonly Pair[] {
  const told = metadata.filter(({ key }) => key !== CREDENTIAL_KEY && !key.startsWith(OURS));
  told.push({ key: CALLER_KEY, value: peer });
  if (principal !== '') told.push({ key: PRINCIPAL_KEY, value: principal });
  return told;
}

/** PERMISSION_DENIED: it may not call this method, or the client that it names, whether there is one or not. */
export function checkCaller({ method, metadata, who }: Caller): void {
  if (!mayCall(who, method)) {
    throw new ContactError('PERMISSION_DENIED', `${method} is no method for this caller`, { field: ':path' });
  }
  const { clientId } = readTarget(metadata);
  const callsIt = asFarAs(who, (part) => mayCall(part, method));
  if (clientId === undefined || mayAddress(callsIt, clientId)) return;
  throw new ContactError('PERMISSION_DENIED', `${clientId} is no client of this caller`, { field: CLIENT_KEY });
}

export function textOf(metadata: readonly Pair[], key: string): string | undefined {
  const found = metadata.find((pair) => pair.key === key)?.value;
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** What names a target: a name that is empty, or another one beside it, would lead to who was not meant. */
function onlyTextOf(metadata: readonly Pair[], key: string): string | undefined {
  const [found, second] = metadata.filter((pair) => pair.key === key);
  if (second) throw invalid(key, 'expected one value');
  if (found?.value === '') throw invalid(key, 'expected a value, or to be left out');
  return textOf(metadata, key);
}

/** Whom the caller names. INVALID_ARGUMENT: no client can be called so, or it says both, or one of them twice. */
export function readTarget(metadata: readonly Pair[]) {
  const clientId = onlyTextOf(metadata, CLIENT_KEY);
  const selector = onlyTextOf(metadata, SELECTOR_KEY);
  if (clientId !== undefined && !isName(clientId)) throw invalid(CLIENT_KEY, 'not the id of a client');
  if (clientId !== undefined && selector !== undefined) throw invalid(SELECTOR_KEY, `not beside ${CLIENT_KEY}`);
  return { clientId, selector };
}

/** INVALID_ARGUMENT: as `readTarget`, or the selector is none. */
export function readWanted({ method, metadata, who }: Caller): Wanted {
  const { clientId, selector: text } = readTarget(metadata);
  const selector = text === undefined ? undefined : parseSelector(text, SELECTOR_KEY);
  const { clients: scope } = asFarAs(who, (part) => mayCall(part, method));
  return { clientId, selector, scope, holders: holdersOf(who) };
}

/** How long the call waits for a callee, in ms; 0: not at all. INVALID_ARGUMENT: it is no time. */
export function readWait(metadata: readonly Pair[]): number {
  const text = textOf(metadata, WAIT_KEY);
  if (text === undefined) return 0;
  const [, value, unit] = WAIT.exec(text) ?? [];
  if (value === undefined) throw invalid(WAIT_KEY, 'expected a time such as 10s, 500ms or 1m');
  return Math.min(MAX_WAIT_MS, Number(value) * UNIT_MS.get(unit!)!);
}
