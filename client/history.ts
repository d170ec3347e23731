import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { GetHistoryRequestSchema } from '../gen/contact/v1/admin_service_pb.ts';
import * as check from './check.ts';

/** Of which queues the last hour is wanted, and how finely. */
export interface HistoryOptions {
  /** Only of these, at most 100. Default: of all that have a history of their own, and of all queues together. */
  readonly queues?: readonly string[];
  /** Of no queue, but of all of them together. Default: false. */
  readonly totalOnly?: boolean;
  /** An instant of the first step. Default: all that is kept, an hour. */
  readonly since?: Date;
  /** Milliseconds of one step, at most an hour: a multiple of the server's own. Default: as these, 10,000. */
  readonly stepMs?: number;
}

const MAX_STEP_MS = 3_600_000;

const wholeSeconds: check.Check = (value) =>
  check.integer(1_000, MAX_STEP_MS)(value) === null && Number(value) % 1_000 === 0
    ? null
    : `whole seconds in milliseconds, from 1000 to ${MAX_STEP_MS}`;

const HISTORY_RULES: Readonly<Record<keyof HistoryOptions, check.Check>> = Object.freeze({
  queues: check.listOf(check.name),
  totalOnly: check.flag,
  since: check.instant,
  stepMs: wholeSeconds,
});

export function buildHistoryRequest(given: HistoryOptions): MessageInitShape<typeof GetHistoryRequestSchema> {
  check.checkFields(given, HISTORY_RULES);
  const { queues = [], totalOnly = false, since, stepMs = 0 } = given;
  return {
    queues: [...queues],
    totalOnly,
    stepSeconds: stepMs / 1_000,
    ...(since ? { since: timestampFromDate(since) } : {}),
  };
}
