import { useRef, useState } from 'preact/hooks';
import { enqueue } from '../api.ts';
import { readSpan } from '../conditions.ts';
import { Heading } from '../parts/heading.tsx';
import { tell } from '../parts/notice.tsx';
import { RequestError } from '../request.ts';
import { goTo, route } from '../route.ts';

interface Problem {
  readonly field: string;
  readonly text: string;
}

/** Stores a task by hand: to try a worker, or to do something once. */
export function Enqueue() {
  const form = useRef<HTMLFormElement>(null);
  const [problem, setProblem] = useState<Problem>();
  const [isUnderWay, setUnderWay] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const read = readForm(new FormData(form.current!));
    setProblem('field' in read ? read : undefined);
    if ('field' in read) return;
    setUnderWay(true);
    try {
      const { id, deduplicated } = await enqueue(read.queue, read.task);
      tell(deduplicated ? 'It was there already, under this key.' : 'The task is stored.');
      goTo(['tasks', id]);
    } catch (error) {
      const { field = '', message } = error instanceof RequestError ? error : { message: String(error) };
      setProblem({
        field: FIELDS.find((name) => field.includes(name)) ?? '',
        text: field ? `${field}: ${message}` : message,
      });
    } finally {
      setUnderWay(false);
    }
  };
  const input = (name: string, label: string, example: string, value = '') => (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type="text"
        autocomplete="off"
        spellcheck={false}
        placeholder={example}
        defaultValue={value}
        {...invalid(problem, name)}
      />
    </div>
  );
  return (
    <>
      <Heading title="New task" />
      <form ref={form} class="form" onSubmit={(event) => void submit(event)}>
        {input('queue', 'Queue', 'mails', route.value.params.get('queue') ?? '')}
        <div class="field">
          <label for="payload">Payload, as JSON</label>
          <textarea
            id="payload"
            name="payload"
            rows={10}
            spellcheck={false}
            placeholder={'{ "to": "ada@example.org" }'}
            {...invalid(problem, 'payload')}
          />
        </div>
        <div class="pair">
          {input('priority', 'Priority', '0')}
          {input('delay', 'Begin after', '5m')}
          {input('maxAttempts', 'Attempts', '5')}
        </div>
        <div class="pair">
          {input('key', 'Idempotency key', 'welcome-7')}
          {input('metadata', 'Metadata', 'customer=7, plan=pro')}
        </div>
        {problem && (
          <p id="problem" class="bad" role="alert">
            {problem.text}
          </p>
        )}
        <div>
          <button type="submit" class="button primary" disabled={isUnderWay}>
            Store the task
          </button>
        </div>
      </form>
    </>
  );
}

const FIELDS: readonly string[] = ['queue', 'payload', 'priority', 'delay', 'maxAttempts', 'key', 'metadata'];

function invalid(problem: Problem | undefined, name: string) {
  return problem?.field === name ? { 'aria-invalid': true, 'aria-describedby': 'problem' } : {};
}

/** What is to be sent, or what is wrong with it. */
function readForm(data: FormData): Problem | { readonly queue: string; readonly task: object } {
  const text = (name: string): string => String(data.get(name) ?? '').trim();
  const queue = text('queue');
  if (queue === '') return { field: 'queue', text: 'A task needs a queue.' };
  let payload: unknown;
  try {
    payload = JSON.parse(text('payload'));
  } catch (error) {
    return { field: 'payload', text: `The payload is no JSON: ${(error as Error).message}` };
  }
  const numbers: Record<string, number> = {};
  for (const name of ['priority', 'maxAttempts']) {
    if (text(name) === '') continue;
    if (!/^-?\d+$/.test(text(name))) return { field: name, text: `Expected a whole number, got “${text(name)}”` };
    numbers[name] = Number(text(name));
  }
  const delayMs = readSpan(text('delay'));
  if (text('delay') !== '' && delayMs === undefined)
    return { field: 'delay', text: `Expected a time such as 30s, 5m or 2h, got “${text('delay')}”` };
  const pairs = text('metadata')
    .split(',')
    .map((pair) => pair.trim())
    .filter(Boolean);
  if (pairs.some((pair) => !pair.includes('='))) return { field: 'metadata', text: 'Expected key=value, key=value' };
  const metadata = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1).trim()]),
  );
  return {
    queue,
    task: {
      payload,
      ...numbers,
      ...(delayMs !== undefined && { delayMs }),
      ...(text('key') && { key: text('key') }),
      ...(pairs.length > 0 && { metadata }),
    },
  };
}
