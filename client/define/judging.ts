import { ContactError, refuseTask } from '../../shared/errors.ts';
import { TaskFailure } from '../failure.ts';
import type { Handler } from '../handler.ts';
import { isPromise, judge } from './judge.ts';
import type { StandardSchema } from './standard.ts';

type Schema = StandardSchema | undefined;

/** Acts at once; what it throws rejects. */
export function begin<T>(act: () => Promise<T>): Promise<T> {
  return new Promise((resolve) => resolve(act()));
}

/** Sends what the schema takes, in this turn of the event loop if the schema answers in it. */
export function judgeInput<T>(schema: Schema, input: unknown, send: () => Promise<T>): Promise<T> {
  const judged = judge(schema, input, 'payload');
  return isPromise(judged) ? judged.then(send) : send();
}

/** Sends all of what the schema takes, or nothing. */
export function judgeInputs<T>(schema: Schema, inputs: readonly unknown[], send: () => Promise<T>): Promise<T> {
  const judged = inputs.map((input, index) => {
    const name = (error: unknown): never => {
      throw error instanceof ContactError && error.field !== undefined
        ? refuseTask(error.code, index, error.field, error.problem, { cause: error })
        : error;
    };
    try {
      const one = judge(schema, input, 'payload');
      return isPromise(one) ? one.catch(name) : one;
    } catch (error) {
      return name(error);
    }
  });
  return judged.some(isPromise) ? Promise.all(judged).then(send) : send();
}

/** The handler between its schemas. What they refuse is refused again in each attempt, so it fails for good. */
export function judging(
  handler: Handler<never, unknown>,
  inputSchema: Schema,
  outputSchema: Schema,
): Handler<never, unknown> {
  const open = handler as Handler<unknown, unknown>;
  return async (payload, context) => {
    let input = refusing('INVALID_PAYLOAD', () => judge(inputSchema, payload, 'payload'));
    if (isPromise(input)) {
      input = await input;
      // While the schema took its time, the task may have been cancelled.
      context.signal.throwIfAborted();
    }
    const value = await open(input, context);
    return refusing('INVALID_RESULT', () => judge(outputSchema, value, 'result'));
  };
}

function refusing(code: string, act: () => unknown): unknown {
  const refuse = (error: unknown): never => {
    throw new TaskFailure((error as ContactError).message, { code, retry: 'never' });
  };
  try {
    const judged = act();
    return isPromise(judged) ? judged.catch(refuse) : judged;
  } catch (error) {
    return refuse(error);
  }
}
