import { useRef, useState } from 'preact/hooks';
import { listConditions, readSpan } from '../conditions.ts';
import { linkTo } from '../link.ts';
import { goTo, route } from '../route.ts';

/** What can be asked of tasks, besides their state: the name in the address, in words, and an example. */
const KINDS: readonly (readonly [name: string, words: string, example: string])[] = [
  ['queue', 'Queue', 'mails'],
  ['error', 'Error code', 'TIMEOUT'],
  ['client', 'Client', 'worker-1'],
  ['metadata', 'Metadata', 'customer=7'],
  ['createdAfter', 'Created since', '1h'],
  ['settledAfter', 'Settled since', '15m'],
  ['settledBefore', 'Settled before', '1d'],
  ['runningForMs', 'Running for longer than', '5m'],
  ['parent', 'Child of broadcast', 'its id'],
];

/** The conditions of the list, each of which can be taken away, and one more. */
export function FilterForm() {
  const { params } = route.value;
  const [kind, setKind] = useState(KINDS[0]![0]);
  const [problem, setProblem] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const add = (event: Event): void => {
    event.preventDefault();
    const text = input.current?.value.trim() ?? '';
    if (text === '') return;
    const value = readCondition(kind, text);
    setProblem(value.problem ?? '');
    if (value.problem !== undefined) return;
    goTo(['tasks'], { ...grouped(params), [kind]: [...params.getAll(kind), value.text] });
    input.current!.value = '';
  };
  const [, , example = ''] = KINDS.find(([name]) => name === kind) ?? [];
  return (
    <form class="filter" onSubmit={add}>
      <select aria-label="Condition" value={kind} onChange={(event) => setKind(event.currentTarget.value)}>
        {KINDS.map(([name, words]) => (
          <option key={name} value={name}>
            {words}
          </option>
        ))}
      </select>
      <input
        ref={input}
        type="text"
        aria-label="What it is to be"
        placeholder={example}
        spellcheck={false}
        {...(problem && { 'aria-invalid': true, 'aria-describedby': 'filter-problem' })}
      />
      <button type="submit" class="button">
        Add
      </button>
      {problem && (
        <span id="filter-problem" class="bad" role="alert">
          {problem}
        </span>
      )}
      <ul class="chips">
        {listConditions(params).map(({ text, rest }) => (
          <li key={text}>
            <a class="chip set" href={`${linkTo(['tasks'])}?${rest}`} aria-label={`Without: ${text}`}>
              {text} <span aria-hidden="true">×</span>
            </a>
          </li>
        ))}
      </ul>
    </form>
  );
}

/** As the address has it, or what is wrong with it. */
function readCondition(kind: string, text: string): { readonly text: string; readonly problem?: string } {
  const span = readSpan(text);
  if (kind === 'runningForMs')
    return span === undefined ? { text, problem: 'Expected a time such as 30s, 5m or 2h' } : { text: String(span) };
  if (/After$|Before$/.test(kind) && span === undefined) {
    const at = Date.parse(text);
    if (Number.isNaN(at)) return { text, problem: 'Expected a time ago such as 15m or 2h, or 2027-01-31T08:00' };
    return { text: new Date(at).toISOString() };
  }
  if (kind === 'metadata' && !text.includes('=')) return { text, problem: 'Expected key=value' };
  return { text };
}

function grouped(params: URLSearchParams): Record<string, readonly string[]> {
  return Object.fromEntries([...new Set(params.keys())].map((name) => [name, params.getAll(name)]));
}
