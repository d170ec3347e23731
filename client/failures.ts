import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { FailureGrouping, type ListFailuresRequestSchema } from '../gen/contact/v1/admin_service_pb.ts';
import * as check from './check.ts';

/** Which failures, and how they are counted together. */
export interface FailuresOptions {
  /** `error`: what is alike in code and message but for numbers and ids. Default: `error`. */
  readonly by?: 'error' | 'client' | 'queue';
  /** Only those after this. Default: all that are kept. */
  readonly since?: Date;
  /** Only those of these queues. Default: of all. */
  readonly queues?: readonly string[];
  /** 1 to 500. Default: 100. */
  readonly maxGroups?: number;
}

const GROUPINGS = Object.freeze({
  error: FailureGrouping.ERROR,
  client: FailureGrouping.CLIENT,
  queue: FailureGrouping.QUEUE,
});

const FAILURES_RULES: Readonly<Record<keyof FailuresOptions, check.Check>> = Object.freeze({
  by: check.oneOf(Object.keys(GROUPINGS)),
  since: check.instant,
  queues: check.listOf(check.name),
  maxGroups: check.integer(1, 500),
});

export function buildFailuresRequest(options: FailuresOptions): MessageInitShape<typeof ListFailuresRequestSchema> {
  check.checkFields(options, FAILURES_RULES);
  const { by = 'error', since, queues = [], maxGroups = 0 } = options;
  return { by: GROUPINGS[by], queues: [...queues], maxGroups, ...(since ? { since: timestampFromDate(since) } : {}) };
}
