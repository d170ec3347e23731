import { type Mutant, transport, unit } from './mutant.ts';

const callees = (title: string) => unit('callees', `callees ${title}`);
const live = (title: string) => unit('live', `a live call ${title}`);
const rules = (title: string) => transport('reverse-rules', `a call for a callee ${title}`);
const caller = (title: string) => transport('reverse-hostile', `a caller of a callee ${title}`);
const hostile = (title: string) => transport('reverse-hostile', `a callee that breaks the rules ${title}`);
const safety = (title: string) => transport('reverse-safety', title);

/** Of the server between callers and callees. */
export const REVERSE_MUTANTS: readonly Mutant[] = [
  {
    id: 'reverse: a call that its callee has heard of goes to another one',
    file: 'server/tunnel/live.ts',
    find: 'isOpened ? fail(',
    replace: 'isOpened && !method ? fail(',
    caughtBy: rules('tells its caller whether a callee that was lost may have begun'),
  },
  {
    id: 'reverse: a call that nobody has heard of is given up',
    file: 'server/tunnel/live.ts',
    find: 'isOpened ? fail(',
    replace: 'isOpened || method ? fail(',
    caughtBy: live(
      'goes to another callee, with all that was said, when the one that was found is lost before it has heard of it',
    ),
  },
  {
    id: 'reverse: what was said is not said to the next callee',
    file: 'server/tunnel/live.ts',
    find: 'unsent?.push(piece);',
    replace: '',
    caughtBy: live(
      'goes to another callee, with all that was said, when the one that was found is lost before it has heard of it',
    ),
  },
  {
    id: 'reverse: nobody says that a call has not begun',
    file: 'server/tunnel/caller.ts',
    find: "[{ key: STARTED_KEY, value: 'no' }]",
    replace: '[]',
    caughtBy: rules('is UNIMPLEMENTED when nobody ever announced its method, and UNAVAILABLE when nobody is there'),
  },
  {
    id: 'reverse: a call waits as long as it likes',
    file: 'server/tunnel/asked.ts',
    find: 'return Math.min(MAX_WAIT_MS, Number(value) * ',
    replace: 'return Math.min(2 ** 31, Number(value) * ',
    caughtBy: live('waits for a minute at most'),
  },
  {
    id: 'reverse: a call that has begun goes on waiting',
    file: 'server/tunnel/live.ts',
    find: '    function run(callee: Callee): void {\n      stopWaiting();',
    replace: '    function run(callee: Callee): void {',
    caughtBy: live('begins once, however long it would have waited'),
  },
  {
    id: 'reverse: a place is not given back',
    file: 'server/tunnel/live.ts',
    find: 'letGo.push(callee.occupy(method), answers.close);',
    replace: 'callee.occupy(method);\n      letGo.push(answers.close);',
    caughtBy: live(
      'gives its place back when it is over, and says of one that was lost before it was sent that it has not begun',
    ),
  },
  {
    id: 'reverse: the time that a call has waited is forgotten',
    file: 'server/tunnel/live.ts',
    find: 'Math.ceil(timeoutMs - (clock.monotonic() - startedAt))',
    replace: 'Math.ceil(timeoutMs)',
    caughtBy: live('has left of its deadline what it has not waited'),
  },
  {
    id: 'reverse: a deadline is the affair of the callee alone',
    file: 'server/tunnel/live.ts',
    find: "fail(new ContactError('DEADLINE_EXCEEDED', 'the deadline has passed'))",
    replace: 'undefined',
    caughtBy: live('leaves the line when its caller goes or its deadline passes'),
  },
  {
    id: "reverse: contact's own words are told to the callee",
    file: 'server/tunnel/asked.ts',
    find: ' && !key.startsWith(OURS)',
    replace: '',
    caughtBy: rules('comes with what its caller said, without contact’s own words, and with where it came from'),
  },
  {
    id: 'reverse: metadata of a caller without a bound',
    file: 'server/tunnel/live.ts',
    find: "if (problem) throw tooLarge(problem, { field: 'metadata' });",
    replace: '',
    caughtBy: caller('has at most 8,192 bytes and 64 pairs of metadata'),
  },
  {
    id: 'reverse: a callee that is full is found',
    file: 'server/tunnel/callees.ts',
    find: "return freePlaces(best) > 0 ? best : 'busy';",
    replace: 'return best;',
    caughtBy: callees('are found by method as long as they are there and have room'),
  },
  {
    id: 'reverse: a place is given back twice',
    file: 'server/tunnel/running.ts',
    find: 'if (isOver) return;\n        isOver = true;',
    replace: 'isOver = true;',
    caughtBy: callees('are found by method as long as they are there and have room'),
  },
  {
    id: 'reverse: one that is drained is called',
    file: 'server/tunnel/callees.ts',
    find: "if (drained.has(seat.clientId)) why = 'drained';\n        else if (",
    replace: 'if (',
    caughtBy: callees('are not called while they are drained, as far as 10,000 ids go'),
  },
  {
    id: 'reverse: who waits is not offered a place that has become free',
    file: 'server/tunnel/running.ts',
    find: 'onEnded();',
    replace: '',
    caughtBy: rules('goes to the callee with most free places'),
  },
  {
    id: 'reverse: the callee with fewest places is found',
    file: 'server/tunnel/callees.ts',
    find: '!best || freePlaces(seat) > freePlaces(best)',
    replace: '!best || freePlaces(seat) < freePlaces(best)',
    caughtBy: rules('goes to the callee with most free places'),
  },
  {
    id: 'reverse: a method is of two kinds',
    file: 'server/tunnel/callees.ts',
    find: 'return kind && others !== kind ? others : undefined;',
    replace: 'return undefined;',
    caughtBy: safety('refuse a method that others serve as another kind of RPC, to who comes later'),
  },
  {
    id: 'reverse: any client takes the place of another',
    file: 'server/tunnel/claimant.ts',
    find: 'return isProven || (sessionId !== undefined && sessionId === before.sessionId);',
    replace: 'return isProven || sessionId === before.sessionId || sessionId !== before.sessionId;',
    caughtBy: safety('is refused with another session, and the one before goes on'),
  },
  {
    id: 'reverse: a message of any length is read',
    file: 'tunnel/deframe.ts',
    find: 'if (length > this.#maxMessageBytes) return length;',
    replace: '',
    caughtBy: caller('is refused a message that is too large with its prefix, both ways'),
  },
  {
    id: 'reverse: calls without a bound',
    file: 'server/transport/front.ts',
    find: 'isLeaving || size >= maxCalls',
    replace: 'isLeaving',
    caughtBy: caller('is one of as many as may be open'),
  },
  {
    id: 'reverse: a server that goes takes new calls',
    file: 'server/transport/front.ts',
    find: 'isLeaving = true;',
    replace: '',
    caughtBy: rules('is finished before the server goes, and a new one is told to come again'),
  },
  {
    id: 'reverse: a caller is read whatever its callee takes',
    file: 'server/transport/front.ts',
    find: 'if (waitingBytes >= MAX_WAITING_BYTES && !isKept) stream.pause();',
    replace: '',
    caughtBy: caller('that sends to a callee that reads nothing is held back, and its neighbours are not'),
  },
  {
    id: 'reverse: a callee that answers no ping stays',
    file: 'server/transport/serve.ts',
    find: 'fail(SILENT);',
    replace: '',
    caughtBy: hostile('is taken for gone when it answers no ping for three intervals'),
  },
  {
    id: 'reverse: an answer is given back before its caller has it',
    file: 'server/tunnel/live.ts',
    find: 'answers.chunk(chunk, () => opened.taken(chunk.cost))',
    replace: '{ answers.chunk(chunk, () => undefined); opened.taken(chunk.cost); }',
    caughtBy: live('gives its callee back what its caller has taken, and no sooner'),
  },
];
