import { type ToldProgress, type Waiting, WaitingKindSchema } from '../gen/contact/v1/task_pb.ts';
import { instantOf } from './instant.ts';
import { type Json, someNumber, someText } from './plain.ts';
import { wordOf } from './word.ts';

export function waitingToJson(waiting: Waiting): Json {
  return { ...reasonToJson(waiting), others: waiting.others.map(reasonToJson) };
}

function reasonToJson(waiting: Waiting): Json {
  const { lastError, progress } = waiting;
  return {
    kind: wordOf(WaitingKindSchema, waiting.kind),
    text: waiting.text,
    clients: waiting.clientIds,
    queues: waiting.queues,
    selector: someText(waiting.selector),
    labels: waiting.labels,
    since: instantOf(waiting.since),
    until: instantOf(waiting.until),
    limit: someNumber(waiting.limit),
    count: someNumber(waiting.count),
    lastError: lastError === '' ? undefined : { message: lastError },
    progress: progress && { ...progressToJson(progress), toldAt: instantOf(progress.toldAt) },
  };
}

/** Told as a float of 32 bits, of which only so many digits mean something. */
const FLOAT_DIGITS = 7;

export function progressToJson({ fraction, message }: Pick<ToldProgress, 'fraction' | 'message'>): Json {
  return {
    fraction: fraction < 0 ? undefined : Number(fraction.toPrecision(FLOAT_DIGITS)),
    message: someText(message),
  };
}
