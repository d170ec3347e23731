import { ContactError } from '../../shared/errors.ts';
import type { Chunk } from '../../tunnel/chunks.ts';
import type { End, Pair } from '../../tunnel/frame.ts';
import { STARTED_KEY, withoutOurs } from '../../tunnel/metadata.ts';
import type { Caller } from './caller.ts';
import { passAnswers, withoutEncoding } from './encoding.ts';
import type { Encoding, Inflater, OpenInflater } from './inflate.ts';

const UNAVAILABLE = 14;

export interface AnswersOptions {
  readonly caller: Caller;
  readonly inflate: OpenInflater;
  /** The end that the callee has said, when all before it has gone to the caller. */
  readonly onEnd: (end: End) => void;
  readonly onFailed: (error: ContactError) => void;
}

/** What a callee answers, on its way to its caller: messages are unpacked that the caller does not take as they are. */
export interface Answers {
  headers(pairs: readonly Pair[]): void;
  /** `onTaken`: it may be given back to the callee. */
  chunk(chunk: Chunk, onTaken: () => void): void;
  end(end: End): void;
  /** The call is over: nothing goes on any more. */
  close(): void;
}

export function createAnswers({ caller, inflate, onEnd, onFailed }: AnswersOptions): Answers {
  let inflater: Inflater | undefined;
  let last: End | undefined;

  function unpack(encoding: Encoding): Inflater {
    let messageBytes = 0;
    return inflate(encoding, {
      piece({ bytes, messageBytes: begun, isLast, isCompressed, onTaken }) {
        messageBytes = begun ?? messageBytes;
        const isFirst = begun !== undefined;
        caller.chunk({ bytes, isFirst, isLast, messageBytes, isCompressed, cost: 0 }, onTaken);
      },
      ended: () => onEnd(last!),
      failed: onFailed,
      hold: caller.hold,
      giveBack: caller.giveBack,
    });
  }

  return {
    headers(given) {
      const pairs = withoutOurs(given);
      const passage = passAnswers(pairs, caller);
      if (passage.kind === 'refused') {
        onFailed(
          new ContactError(
            'INTERNAL',
            `grpc-encoding: the answer is in ${passage.encoding}, which its caller does not take`,
          ),
        );
        return;
      }
      if (passage.kind === 'inflate') inflater = unpack(passage.encoding);
      caller.headers(inflater ? withoutEncoding(pairs) : pairs);
    },
    chunk(chunk, onTaken) {
      if (!inflater) caller.chunk(chunk, onTaken);
      else inflater.add({ ...chunk, messageBytes: chunk.isFirst ? chunk.messageBytes : undefined, onTaken });
    },
    end(end) {
      last = { ...end, trailers: readTrailers(end) };
      if (inflater) inflater.end();
      else onEnd(last);
    },
    close: () => inflater?.close(),
  };
}

/**
 * A callee says nothing in the server's own words, but one that it alone knows: where it passes calls on, whether the one
 * who was to answer had begun with a call that came to nothing.
 */
function readTrailers({ code, trailers }: End): readonly Pair[] {
  const others = withoutOurs(trailers);
  if (others === trailers) return trailers;
  const started = trailers.find(({ key, value }) => key === STARTED_KEY && (value === 'no' || value === 'maybe'));
  return started && code === UNAVAILABLE ? [...others, started] : others;
}
