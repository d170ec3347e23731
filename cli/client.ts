import type { ClientInfo } from '../gen/contact/v1/admin_service_pb.ts';
import { shorten } from './escape.ts';

const MAX_SHOWN = 60;

export function describeSession({ connected, draining }: ClientInfo): string {
  if (!connected) return draining ? 'away, draining' : 'away';
  return draining ? 'draining' : 'connected';
}

/** `site=berlin,fast=` in the order of the keys. */
export function describeLabels({ labels }: ClientInfo): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return shorten(pairs.toSorted().join(','), MAX_SHOWN);
}

export function describeQueues({ queues }: ClientInfo): string {
  return shorten(queues.join(','), MAX_SHOWN);
}
