import { type Mutant, property, transport, unit } from './mutant.ts';

const atServer = (title: string) => unit('tunnel', `a tunnel at the server ${title}`);
const atCallee = (title: string) => unit('tunnel-callee', `a tunnel at the callee ${title}`);
const fault = (what: string) => atServer(`ends a call for both of its sides when it hears ${what}`);
const inbox = (title: string) => unit('tunnel-callee', `an inbox ${title}`);
const running = (title: string) => unit('running-call', `runCall() ${title}`);
const hostile = (title: string) => transport('reverse-hostile', `a callee that breaks the rules ${title}`);

/** Of both ends of a tunnel. */
export const TUNNEL_MUTANTS: readonly Mutant[] = [
  {
    id: 'tunnel: empty messages are free',
    file: 'tunnel/window.ts',
    find: 'return isLast ? bytes + MESSAGE_COST : bytes;',
    replace: 'return isLast ? bytes : bytes;',
    caughtBy: fault('empty messages without end'),
  },
  {
    id: 'tunnel: more than the window is taken',
    file: 'tunnel/window.ts',
    find: 'if (cost > this.#left) return false;',
    replace: '',
    caughtBy: fault('more than the window'),
  },
  {
    id: 'tunnel: a window grows beyond what it was',
    file: 'tunnel/window.ts',
    find: 'return this.#left <= mostBytes;',
    replace: 'return true;',
    caughtBy: fault('a window of 2^32'),
  },
  {
    id: 'tunnel: what was given back is not counted',
    file: 'tunnel/window.ts',
    find: '    this.#left += bytes;\n    this.#taken = 0;',
    replace: '    this.#taken = 0;',
    caughtBy: property(
      'tunnel',
      'gives each call what was said in it, in order, ends it once at each end, and never has less than nothing left',
    ),
  },
  {
    id: 'tunnel: every chunk is given back by a frame of its own',
    file: 'tunnel/window.ts',
    find: 'return this.#taken >= this.#bytes / 2;',
    replace: 'return this.#taken > 0;',
    caughtBy: atServer('gives back half of a window at a time'),
  },
  {
    id: 'tunnel: half_close does not end the messages of a caller',
    file: 'tunnel/life.ts',
    find: "messages: { chunk: 'messages', half_close: 'half-closed', cancel: 'over' },",
    replace: "messages: { chunk: 'messages', half_close: 'messages', cancel: 'over' },",
    caughtBy: atCallee('answers a fault with an end, and tells the call that it is over'),
  },
  {
    id: 'tunnel: half_close overtakes what waits for the window',
    file: 'tunnel/outgoing.ts',
    find: 'if (this.#pieces.length > 0) return taken;',
    replace: '',
    caughtBy: atCallee('sends an end after all that was said before'),
  },
  {
    id: 'tunnel: a call goes on after its end',
    file: 'tunnel/call.ts',
    find: 'if (frame.end) this.#close();\n    else frame',
    replace: 'frame',
    caughtBy: atCallee('lets the first of end and cancel win'),
  },
  {
    id: 'tunnel: an end within a message is taken for success',
    file: 'tunnel/call.ts',
    find: 'end.code === 0 && this.#chunks.isInside',
    replace: 'end.code < 0 && this.#chunks.isInside',
    caughtBy: fault('an OK within a message'),
  },
  {
    id: 'tunnel: metadata of the other end is not looked at',
    file: 'tunnel/call.ts',
    find: 'if (problem !== undefined) this.#fault(problem);\n    return problem === undefined;',
    replace: 'return true;',
    caughtBy: fault('metadata that is refused'),
  },
  {
    id: 'tunnel: a call that the other end never heard of is cancelled there',
    file: 'tunnel/call.ts',
    find: 'if (this.#outgoing.isUnopened) return;',
    replace: '',
    caughtBy: atServer('does not tell the other end of a call that ends before it was opened'),
  },
  {
    id: 'tunnel: a call that was never opened counts as begun when it is lost',
    file: 'tunnel/call.ts',
    find: 'this.#listener?.lost(!this.#outgoing.isUnopened);',
    replace: 'this.#listener?.lost(true);',
    caughtBy: atServer('tells of a call that was lost whether the other end may have heard of it'),
  },
  {
    id: 'tunnel: frames of calls that are over count as faults',
    file: 'tunnel/tunnel.ts',
    find: 'calls.get(frame.call)?.receive(frame);',
    replace:
      'const call = calls.get(frame.call);\n        if (call) call.receive(frame);\n        else carrier.fault();',
    caughtBy: atServer('drops frames of calls that it does not know, or not any more'),
  },
  {
    id: 'tunnel: numbers of calls may fall',
    file: 'tunnel/tunnel.ts',
    find: "role === 'server' || id <= newest",
    replace: "role === 'server' || id === newest",
    caughtBy: atCallee('counts a number that was used before as a fault, and opens nothing'),
  },
  {
    id: 'tunnel: faults without end',
    file: 'tunnel/tunnel.ts',
    find: 'if (faultCount === MAX_FAULTS) onBroken();',
    replace: '',
    caughtBy: atServer('is broken with the third fault'),
  },
  {
    id: 'tunnel: written without waiting for the connection',
    file: 'tunnel/tunnel.ts',
    find: 'inFlightBytes += byteLength;',
    replace: '',
    caughtBy: atServer(
      'gives each call one chunk in its turn, and writes no more than a batch before the connection takes it',
    ),
  },
  {
    id: 'tunnel: who has had a turn has the next one too',
    file: 'tunnel/turns.ts',
    find: 'this.#line.push(one);',
    replace: 'this.#line.splice(this.#front, 0, one);',
    caughtBy: atServer(
      'gives each call one chunk in its turn, and writes no more than a batch before the connection takes it',
    ),
  },
  {
    id: 'tunnel: a message that is too large is found out when it is whole',
    file: 'tunnel/chunks.ts',
    find: "if (this.#messageBytes > this.#maxMessageBytes) return 'oversize';",
    replace: '',
    caughtBy: atServer('refuses a message that is too large with its first chunk, which is no fault'),
  },
  {
    id: 'tunnel: parts of a message that nobody waits for are given back',
    file: 'client/serve/inbox.ts',
    find: 'if (this.#waiting) this.#giveBack(cost);\n    else this.#partsCost += cost;',
    replace: 'this.#giveBack(cost);',
    caughtBy: inbox('gives nothing back of a message that nobody waits for, and each chunk of one that somebody does'),
  },
  {
    id: 'tunnel: parts that had come are not given back to who waits for the rest',
    file: 'client/serve/inbox.ts',
    find: 'if (cost > 0) this.#giveBack(cost);',
    replace: '',
    caughtBy: inbox('gives nothing back of a message that nobody waits for, and each chunk of one that somebody does'),
  },
  {
    id: 'tunnel: headers of a connection pass for metadata',
    file: 'tunnel/metadata.ts',
    find: "const isReserved = isOfHttp(key) || (key.startsWith('grpc-')",
    replace: "const isReserved = (key.startsWith('grpc-')",
    caughtBy: hostile('harms its own call alone: a content type'),
  },
  {
    id: 'tunnel: a callee says the status of its call in metadata',
    file: 'tunnel/metadata.ts',
    find: "(key.startsWith('grpc-') && (isTrailers || key !== ENCODING_KEY))",
    replace: 'false',
    caughtBy: hostile('harms its own call alone: another status among its trailers'),
  },
  {
    id: 'tunnel: a handler answers as far ahead as it likes',
    file: 'client/serve/answers.ts',
    find: 'return this.#waitingCost >= MAX_WAITING_COST;',
    replace: 'return false;',
    caughtBy: running('asks the handler of a stream for no more while 128 KiB of its answers wait'),
  },
  {
    id: 'tunnel: a call is over before its answer has left',
    file: 'client/serve/run.ts',
    find: 'return answers.allTaken();',
    replace: 'return undefined;',
    caughtBy: running('says the answer of a unary call and its status in one frame, after which it is over'),
  },
];
