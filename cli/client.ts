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

/** By name, those that it is called for. */
export function describeServices({ services }: ClientInfo): string {
  return shorten(services.join(','), MAX_SHOWN);
}

/** Live calls that run, of those that may; empty: it is not called. */
export function describeCalls({ calls, maxCalls }: ClientInfo): string {
  return maxCalls > 0 ? `${calls}/${maxCalls}` : '';
}

export function describeQueues({ queues }: ClientInfo): string {
  return shorten(queues.join(','), MAX_SHOWN);
}
