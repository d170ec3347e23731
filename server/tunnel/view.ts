import type { Claimant } from './claimant.ts';
import { serviceOf } from './methods.ts';
import type { Running } from './running.ts';

/** A callee as an operator sees it. */
export interface CalleeView {
  readonly clientId: string;
  readonly isNamed: boolean;
  readonly isDraining: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly peer: string;
  /** Wall clock, milliseconds since 1970. */
  readonly connectedAt: number;
  readonly services: readonly string[];
  readonly callCount: number;
  readonly maxCalls: number;
  /** Of those services that have any. */
  callsByService(): Readonly<Record<string, number>>;
  /** What it is called for, by name, with the calls that run. */
  methods(): readonly { readonly method: string; readonly callCount: number }[];
}

interface Viewed {
  readonly clientId: string;
  readonly claimant: Claimant;
  readonly announced: {
    readonly methods: readonly string[];
    readonly maxCalls: number;
    readonly labels: Readonly<Record<string, string>>;
    readonly isEphemeral: boolean;
  };
  readonly running: Running;
}

export function viewCallee({ clientId, claimant, announced, running }: Viewed, isDraining: boolean): CalleeView {
  return {
    clientId,
    isNamed: !claimant.isDrawn && !announced.isEphemeral,
    isDraining,
    labels: announced.labels,
    peer: claimant.peer,
    connectedAt: claimant.connectedAt,
    services: [...new Set(announced.methods.map(serviceOf))].sort(),
    callCount: running.count,
    maxCalls: announced.maxCalls,
    callsByService: running.byService,
    methods: () => announced.methods.toSorted().map((method) => ({ method, callCount: running.of(method) })),
  };
}
