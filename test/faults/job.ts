/** The payload of a task of these tests. */
export interface Job {
  /** Which of the inputs it is. */
  readonly input: number;
  /** How long it takes. */
  readonly workMs: number;
}

export interface Answer {
  readonly input: number;
  readonly answer: number;
}

/** The name of an input in a task's metadata. */
export const INPUT_KEY = 'input';

export function answerJob({ input }: Job): Answer {
  return { input, answer: input * 7 + 3 };
}

export function isRight({ input, answer }: Answer): boolean {
  return answer === answerJob({ input, workMs: 0 }).answer;
}
