import { goTo } from './route.ts';

/** Where the second key after `g` leads. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  o: [],
  q: ['queues'],
  t: ['tasks'],
  c: ['clients'],
  r: ['results'],
  n: ['enqueue'],
};
/** The second key has to come within this time. */
const WITHIN_MS = 1_500;

/** Listens to the keys of the whole page until the answer is called. */
export function listenToKeys(onHelp: () => void): () => void {
  let begunAt = Number.NEGATIVE_INFINITY;
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const isSecond = event.timeStamp - begunAt < WITHIN_MS;
    begunAt = Number.NEGATIVE_INFINITY;
    const place = PLACES[event.key];
    if (isSecond && place) goTo(place);
    else if (event.key === 'g') begunAt = event.timeStamp;
    else if (event.key === '?') onHelp();
    else if (event.key === '/') document.getElementById('search')?.focus();
    else return;
    event.preventDefault();
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName) || !!target.closest('dialog'))
  );
}
