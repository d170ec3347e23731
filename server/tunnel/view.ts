import type { Claimant } from './claimant.ts';
import { serviceOf } from './methods.ts';

/** A callee as an operator sees it. */
export interface CalleeView {
  readonly clientId: string;
  readonly isNamed: boolean;
  readonly isDraining: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly services: readonly string[];
  readonly callCount: number;
  readonly maxCalls: number;
}

interface Viewed {
  readonly clientId: string;
  readonly claimant: Claimant;
  readonly announced: {
    readonly methods: readonly string[];
    readonly maxCalls: number;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly runningCount: number;
}

export function viewCallee({ clientId, claimant, announced, runningCount }: Viewed, isDraining: boolean): CalleeView {
  return {
    clientId,
    isNamed: !claimant.isDrawn,
    isDraining,
    labels: announced.labels,
    services: [...new Set(announced.methods.map(serviceOf))].sort(),
    callCount: runningCount,
    maxCalls: announced.maxCalls,
  };
}
