/** One value of a series; its name is that of its family, unless it says another. */
export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly metricName?: string;
}
