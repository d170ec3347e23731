import { type Mutant, transport, unit } from './mutant.ts';

const inflate = (title: string) => unit('inflate', `the messages of a call that are unpacked ${title}`);
const compression = (title: string) => transport('reverse-compression', `a call with compressed messages ${title}`);
const remembered = (title: string) =>
  transport('reverse-remembered', `a method that a named client has served ${title}`);
const edges = (title: string) => transport('reverse-edges', `a call for a callee ${title}`);
const callees = (title: string) => unit('callees', `callees ${title}`);

/** Of how messages and methods pass between callers and callees. */
export const PASSAGE_MUTANTS: readonly Mutant[] = [
  {
    id: 'passage: a message may be of any size once it is unpacked',
    file: 'server/tunnel/inflate.ts',
    find: 'else if (bytes > this.#maxMessageBytes)',
    replace: 'else if (bytes < 0)',
    caughtBy: inflate('end the call when one is larger than a message may be, before more than that is held'),
  },
  {
    id: 'passage: the next message is unpacked before the one before is taken',
    file: 'server/tunnel/inflate.ts',
    find: '!this.#isInflating && this.#untaken === 0',
    replace: '!this.#isInflating',
    caughtBy: inflate('are taken no further while one that came out is not taken'),
  },
  {
    id: 'passage: the end overtakes a message that is unpacked',
    file: 'server/tunnel/inflate.ts',
    find: '!this.#isEnded || this.#isInflating || this.#added.length > 0',
    replace: '!this.#isEnded || this.#added.length > 0',
    caughtBy: inflate('end the call when one is not what it says'),
  },
  {
    id: 'passage: a turn of unpacking is not given back',
    file: 'server/tunnel/inflate.ts',
    find: 'waiting.shift()?.();',
    replace: '',
    caughtBy: inflate('have their turns when many are unpacked at a time, also behind calls that are over'),
  },
  {
    id: 'passage: an unpacked answer is still said to be compressed',
    file: 'server/tunnel/answers.ts',
    find: 'caller.headers(inflater ? withoutEncoding(pairs) : pairs);',
    replace: 'caller.headers(pairs);',
    caughtBy: compression('of its callee is unpacked for a caller that takes identity'),
  },
  {
    id: 'passage: an answer is unpacked for a caller that takes it',
    file: 'server/tunnel/encoding.ts',
    find: 'encoding === IDENTITY || accepted.includes(encoding)',
    replace: 'encoding === IDENTITY',
    caughtBy: compression('of its callee goes on as it is to a caller that takes it'),
  },
  {
    id: 'passage: what a client serves is not remembered',
    file: 'server/transport/serve.ts',
    find: '!identity.isDrawn && !isEphemeral',
    replace: 'identity.isDrawn && !isEphemeral',
    caughtBy: remembered('is UNAVAILABLE while its client is away, also when the server has started anew'),
  },
  {
    id: 'passage: a client that drains itself is forgotten to have served',
    file: 'server/transport/serve.ts',
    find: '!isEphemeral && methods.length > 0',
    replace: '!isEphemeral',
    caughtBy: remembered('is the one that it served last, also if it drained itself before it went'),
  },
  {
    id: 'passage: a method is handed over to nobody when its server goes',
    file: 'server/tunnel/callees.ts',
    find: 'handOver(withdraw(seat));',
    replace: 'withdraw(seat);',
    caughtBy: callees(
      'are handed over, one kind of RPC, when those have gone who served them as another, in the order of who came',
    ),
  },
  {
    id: 'passage: a deadline of 0 is as good as none',
    file: 'server/transport/headers.ts',
    find: 'if (Number(value) === 0) return',
    replace: 'if (Number(value) < 0) return',
    caughtBy: edges('leaves the server’s own services as they are'),
  },
  {
    id: 'passage: the first character of a path is any',
    file: 'server/transport/front.ts',
    find: "if (!path.startsWith('/')) return false;",
    replace: '',
    caughtBy: edges('has an end with such a path in another scheme'),
  },
  {
    id: 'passage: what ends a call for a fault is told as the words of its callee',
    file: 'server/tunnel/live.ts',
    find: 'failed: (error) => fail(error),',
    replace: 'failed: (error) => answers.end(plainEnd(codeNumber(error.code), error.message)),',
    caughtBy: transport(
      'reverse-hostile',
      'a callee that breaks the rules is refused a message that is too large in the words of the server',
    ),
  },
  {
    id: 'passage: an upload that breaks off is ended at its target before it is reset',
    file: 'client/expose/call.ts',
    find: 'early = [];\n      resetting.abort();',
    replace: 'early = [];\n      stream?.close(8);',
    caughtBy: transport(
      'expose-target',
      'a target that is no good server of gRPC hears nothing of an upload that breaks off as if it were whole: its caller goes',
    ),
  },
  {
    id: 'passage: requests of a stub that break off are ended before they are reset',
    file: 'client/internals.ts',
    find: 'stream.end = () => stream;',
    replace: '{}',
    caughtBy: transport(
      'caller-upload',
      'an upload of a stub that breaks off never looks whole to its callee when its source throws',
    ),
  },
  {
    id: 'passage: a client that serves stays known as one when it is disconnected',
    file: 'server/transport/serve.ts',
    find: 'if (isRemembered) left({',
    replace: 'if (callee?.isThere) left({',
    caughtBy: transport('reverse-remembered', 'a named client that serves is not forgotten until it is disconnected'),
  },
];
