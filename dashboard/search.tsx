import { useRef } from 'preact/hooks';
import { goTo } from './route.ts';

const TASK_ID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** Leads to a task by its id, to tasks by a pair of their metadata (`customer=7`), and to queues by a part of their name. */
export function Search() {
  const input = useRef<HTMLInputElement>(null);
  const look = (event: Event): void => {
    event.preventDefault();
    const text = input.current?.value.trim() ?? '';
    if (text === '') return;
    if (TASK_ID.test(text)) goTo(['tasks', text.toLowerCase()]);
    else if (text.includes('=')) goTo(['tasks'], { metadata: text });
    else goTo(['queues'], { name: text });
    input.current!.value = '';
    input.current!.blur();
  };
  return (
    <search>
      <form class="search" onSubmit={look}>
        <input
          ref={input}
          id="search"
          type="text"
          autocomplete="off"
          spellcheck={false}
          placeholder="Id, queue or key=value"
          aria-label="Look for a task by its id or metadata, or for a queue"
        />
        <kbd>/</kbd>
      </form>
    </search>
  );
}
