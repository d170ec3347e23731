import type { DescEnum } from '@bufbuild/protobuf';

/** A value of an enum as people and programs read it: `timed_out`; its number where only a newer server knows it. */
export function wordOf({ value }: DescEnum, number: number): string {
  return value[number]?.localName.toLowerCase() ?? String(number);
}
