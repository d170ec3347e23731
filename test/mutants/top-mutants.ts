import { e2e, type Mutant, unit } from './mutant.ts';

const browse = (title: string) => unit('cli-browse', title);

/** Of the screen of `contact top`. */
export const TOP_MUTANTS: readonly Mutant[] = [
  {
    id: 'top: the end of a filter is a key that ends it all',
    file: 'cli/top/live.ts',
    find: "key === 'q' && !browse.isTyping",
    replace: "key === 'q'",
    caughtBy: e2e('cli-top', 'goes by keys: marks, filters, narrows, sorts, and writes no more than what has changed'),
  },
  {
    id: 'top: every drawing is a whole one',
    file: 'cli/top/screen.ts',
    find: '    drawn = texts;\n',
    replace: '    drawn = [];\n',
    caughtBy: e2e('cli-top', 'goes by keys: marks, filters, narrows, sorts, and writes no more than what has changed'),
  },
  {
    id: 'top: the last character of a full line is cleared',
    file: 'cli/top/screen.ts',
    find: "(widthOf(line.text) < columns ? CLEAR_LINE : '')",
    replace: 'CLEAR_LINE',
    caughtBy: e2e('cli-top', 'clears nothing behind a line as wide as the screen'),
  },
  {
    id: 'top: gone after Ctrl-Z where there is no shell',
    file: 'cli/top/live.ts',
    find: 'setTimeout(resume, UNSTOPPED_MS)',
    replace: 'setTimeout(quit, UNSTOPPED_MS)',
    caughtBy: e2e('cli-top', 'goes on after Ctrl-Z where there is no shell to wake it'),
  },
  {
    id: 'top: the terminal is not given back for a signal that ends it at once',
    file: 'cli/top/live.ts',
    find: '    exitOnDeadlySignals(),\n',
    replace: '',
    caughtBy: e2e('cli-top', 'gives it back when it is ended by SIGUSR2'),
  },
  {
    id: 'top: the marked row is out of sight',
    file: 'cli/top/browse.ts',
    find: 'place - height + 1',
    replace: 'place - height',
    caughtBy: browse('marks rows and scrolls no further than it has to'),
  },
  {
    id: 'top: a client is shown with every queue',
    file: 'cli/top/rows.ts',
    find: 'queue: (queue) => served.has(queue.name)',
    replace: 'queue: () => served.size > 0',
    caughtBy: browse('shows a queue with those who serve it, and a client with what it serves'),
  },
  {
    id: 'tables: a wide character counts for one column',
    file: 'cli/width.ts',
    find: 'text.length : stringWidth(text)',
    replace: 'text.length : [...text].length',
    caughtBy: browse('counts the columns of a terminal and cuts no character'),
  },
];
