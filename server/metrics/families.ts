import type { Family } from './family.ts';
import { PROCESS_FAMILIES } from './process_families.ts';
import { SERVER_FAMILIES } from './server_families.ts';
import { TASK_FAMILIES } from './task_families.ts';

/** Every metric, in the order in which they are told; docs/metrics.md is written from this. */
export const FAMILIES: readonly Family[] = [...TASK_FAMILIES, ...SERVER_FAMILIES, ...PROCESS_FAMILIES];
