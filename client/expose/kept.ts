import { Buffer } from 'node:buffer';
import type { DescMethod, MessageShape } from '@bufbuild/protobuf';
import { CODE_NAMES } from '../../shared/errors.ts';
import type { End } from '../../tunnel/frame.ts';
import { relayFailure, TaskRelease } from '../failure.ts';
import type { TaskContext } from '../handler.ts';
import { type KeptMethod, pairsOfTask, RETRIED } from '../serve/durable.ts';
import { callTarget } from './call.ts';
import { isUnseen } from './http.ts';
import type { Target } from './target.ts';

/** Of an answer; a result that the server does not take fails its task for good. */
const MAX_ANSWER_BYTES = 64 << 20;

/** Runs calls of a unary method that come as tasks, as calls to a target. @param method `pkg.Service/Method` */
export function keepForTarget(method: string, target: Target): KeptMethod {
  return {
    codec: {
      contentType: 'application/protobuf',
      decode: (bytes) => bytes as unknown as MessageShape<DescMethod['input']>,
      encode: (answer) => answer as Uint8Array,
    },
    handler: (payload, task) => callOnce(target, method, Buffer.from(payload as unknown as Uint8Array), task),
  };
}

function callOnce(target: Target, method: string, payload: Buffer, task: TaskContext): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let count = 0;
    const open = { method, metadata: pairsOfTask(task), timeoutMs: 0 };
    const call = callTarget(target, open, MAX_ANSWER_BYTES, {
      headers: () => undefined,
      part({ bytes, isLast }) {
        parts.push(bytes);
        if (isLast) count += 1;
      },
      ended(end) {
        task.signal.removeEventListener('abort', cancel);
        if (end.code === 0 && count === 1) resolve(Buffer.concat(parts));
        else reject(failureOf(end, count));
      },
    });
    function cancel(): void {
      call.cancel();
      reject(task.signal.reason);
    }
    task.signal.addEventListener('abort', cancel, { once: true });
    const whole = { messageBytes: payload.byteLength, isFirst: true, isLast: true, isCompressed: false };
    call.chunk({ bytes: payload, ...whole }, () => undefined);
    call.halfClose();
    if (task.signal.aborted) cancel();
  });
}

function failureOf(end: End, answerCount: number): Error {
  const { code, message, statusDetails: details } = end;
  if (isUnseen(end)) return new TaskRelease(message);
  if (code === 0) return relayFailure(`${answerCount} answers, expected one`, { code: 'INTERNAL', retry: 'never' });
  return relayFailure(message, { code: CODE_NAMES[code]!, retry: RETRIED.has(code) ? 'policy' : 'never', details });
}
