import type { Assignment } from '../../gen/index.ts';
import { nameOf, type TellInit } from '../scene/worker.ts';
import { answerJob, type Job } from './job.ts';

/** What a raw worker sends for tasks of these tests. */
export function rightAnswers(tasks: readonly Assignment[]): NonNullable<TellInit['succeeded']> {
  return tasks.map((task) => {
    const job = JSON.parse(Buffer.from(task.payload).toString()) as Job;
    return { ...nameOf(task), result: Buffer.from(JSON.stringify(answerJob(job))), contentType: 'application/json' };
  });
}
