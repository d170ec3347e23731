/** A number that a scenario measures. */
export interface Figure {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
}

export type Figures = Readonly<Record<string, number>>;

export const RATE: Figure = { key: 'rate', label: 'rate', unit: 'tasks/s', better: 'higher' };
/** Of the server's tree, the producer and the worker together. */
export const CPU: Figure = { key: 'cpu', label: 'CPU per 1,000', unit: 's', better: 'lower' };
export const SERVER_CPU: Figure = { key: 'serverCpu', label: 'server CPU per 1,000', unit: 's', better: 'lower' };
export const MEMORY: Figure = { key: 'memory', label: 'server peak PSS', unit: 'MiB', better: 'lower' };
export const TOTAL_MEMORY: Figure = { key: 'totalMemory', label: 'peak PSS of all', unit: 'MiB', better: 'lower' };
/** What every rate is shown with. */
export const COSTS: readonly Figure[] = [CPU, SERVER_CPU, MEMORY, TOTAL_MEMORY];
