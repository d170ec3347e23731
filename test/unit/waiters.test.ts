import assert from 'node:assert/strict';
import { EVERY_CLIENT } from '../../server/model/caller.ts';
import { parseSelector } from '../../server/model/selector.ts';
import type { Wanted } from '../../server/tunnel/callee.ts';
import { createWaiters, MAX_SELECTORS } from '../../server/tunnel/waiters.ts';

const ANYBODY: Wanted = { clientId: undefined, selector: undefined, scope: EVERY_CLIENT, holders: [] };
const named = (clientId: string): Wanted => ({ ...ANYBODY, clientId });
const selected = (text: string): Wanted => ({ ...ANYBODY, selector: parseSelector(text, '') });
const METHOD = 'p.S/M';

/** Those who are asked, in their order; each takes what it is asked for, but for those named here. */
function createScene(takesNot: readonly string[] = []) {
  const waiters = createWaiters();
  const asked: string[] = [];
  const wait = (name: string, wanted: Wanted) =>
    waiters.wait(METHOD, wanted, () => {
      asked.push(name);
      return !takesNot.includes(name);
    });
  const offer = (clientId: string, labels: Record<string, string> = {}, places = 100): string[] => {
    const before = asked.length;
    waiters.offer(METHOD, { clientId, labels }, () => asked.length - before < places);
    return asked.splice(0);
  };
  return { waiters, wait, offer };
}

describe('createWaiters()', () => {
  it('asks those who want who is offered, whatever they have said of it, the longest first', () => {
    const { wait, offer } = createScene();
    wait('other', named('b'));
    wait('any', ANYBODY);
    wait('named', named('a'));
    wait('berlin', selected('site=berlin'));
    wait('rome', selected('site in (rome)'));
    wait('any too', ANYBODY);
    wait('rome too', selected('site = rome'));
    assert.deepEqual(offer('a', { site: 'rome' }, 2), ['any', 'named']);
    assert.deepEqual(offer('a', { site: 'rome' }), ['rome', 'any too', 'rome too']);
    assert.deepEqual(offer('a', { site: 'rome' }), [], 'each is asked once');
    assert.deepEqual(offer('b', { site: 'berlin' }), ['other', 'berlin']);
  });

  it('asks those who may call who is offered, and finds nobody for one list of clients alone', () => {
    const { wait, offer } = createScene(['robots', 'robots too']);
    const may = (wanted: Wanted, ...clients: string[]): Wanted => ({ ...wanted, scope: { clients } });
    wait('robots', may(ANYBODY, 'robot-*'));
    wait('robots too', may(ANYBODY, 'robot-*'));
    wait('laptops', may(ANYBODY, 'laptop-*'));
    wait('robots of rome', may(selected('site=rome'), 'robot-*'));
    wait('any', ANYBODY);
    assert.deepEqual(offer('robot-1', { site: 'rome' }), ['robots', 'robots of rome', 'any']);
    assert.deepEqual(offer('laptop-1'), ['laptops']);
  });

  it('asks one of many who want somebody else nothing, and one of those who want the same that finds nobody', () => {
    const { wait, offer } = createScene(['0', '1', '2']);
    for (let n = 0; n < 3; n += 1) wait(String(n), named('drained'));
    for (let n = 3; n < 5_000; n += 1) wait(String(n), n % 2 === 0 ? named(`c${n}`) : selected('site=mars'));
    assert.deepEqual(offer('drained'), ['0']);
    assert.deepEqual(offer('c4', { site: 'earth' }), ['4']);
  });

  it('forgets who leaves, and selectors that nobody waits with', () => {
    const { wait, offer } = createScene();
    const leave = Array.from({ length: MAX_SELECTORS }, (_, n) => wait(String(n), selected(`n=${n}`))!);
    assert.equal(wait('one more', selected('n=more')), undefined);
    assert.ok(wait('known', selected('n=0')));
    leave[1]!();
    leave[1]!();
    assert.ok(wait('one more', selected('n=more')));
    leave[0]!();
    assert.deepEqual(offer('a', { n: '0' }), ['known']);
    assert.deepEqual(offer('a', { n: '1' }), []);
    assert.deepEqual(offer('a', { n: 'more' }), ['one more']);
  });

  it('has calls of one principal wait with half of the selectors of a method', () => {
    let reached = 0;
    const waiters = createWaiters(() => void ++reached);
    const wait = (text: string, ...holders: string[]) =>
      waiters.wait(METHOD, { ...selected(text), holders }, () => true);
    const leave = Array.from({ length: MAX_SELECTORS / 2 }, (_, n) => wait(`n=${n}`, 'token:g')!);
    assert.equal(wait('more=1', 'token:g'), undefined);
    assert.equal(reached, 1);
    assert.ok(wait('n=1', 'token:g'), 'another call that wants the same');
    for (let n = 0; n < MAX_SELECTORS / 2; n++) assert.ok(wait(`other=${n}`, 'token:o'));
    leave[0]!();
    assert.ok(wait('more=1', 'token:g'));
  });

  it('counts selectors for the operator too that has made who calls', () => {
    const waiters = createWaiters();
    const wait = (text: string, ...holders: string[]) =>
      waiters.wait(METHOD, { ...selected(text), holders }, () => true);
    for (let n = 0; n < MAX_SELECTORS / 2; n++) assert.ok(wait(`n=${n}`, `token:${n}`, 'token:maker'));
    assert.equal(wait('more=1', 'token:new', 'token:maker'), undefined);
    assert.equal(wait('more=1', 'token:maker'), undefined);
    assert.ok(wait('more=1', 'token:other'));
  });
});
