import { ACCESS_MUTANTS } from './access-mutants.ts';
import { ACT_LOG_MUTANTS } from './act-log-mutants.ts';
import { ACT_MUTANTS } from './act-mutants.ts';
import { ATTEMPT_MUTANTS } from './attempt-mutants.ts';
import { AUDIT_MUTANTS } from './audit-mutants.ts';
import { CALL_MUTANTS } from './call-mutants.ts';
import { CONFIG_MUTANTS } from './config-mutants.ts';
import { CONNECTION_MUTANTS } from './connection-mutants.ts';
import { CREDENTIAL_MUTANTS } from './credential-mutants.ts';
import { DASHBOARD_MUTANTS } from './dashboard-mutants.ts';
import { DEFINE_MUTANTS } from './define-mutants.ts';
import { DELETION_MUTANTS } from './deletion-mutants.ts';
import { DESCRIPTOR_MUTANTS } from './descriptor-mutants.ts';
import { DURABLE_MUTANTS } from './durable-mutants.ts';
import { FAILURE_MUTANTS } from './failure-mutants.ts';
import { FILTER_MUTANTS } from './filter-mutants.ts';
import { GATE_MUTANTS } from './gate-mutants.ts';
import { HISTORY_MUTANTS } from './history-mutants.ts';
import { JSON_MUTANTS } from './json-mutants.ts';
import { JWT_MUTANTS } from './jwt-mutants.ts';
import { LIMIT_MUTANTS } from './limit-mutants.ts';
import { LOG_MUTANTS } from './log-mutants.ts';
import { METRICS_MUTANTS } from './metrics-mutants.ts';
import type { Mutant } from './mutant.ts';
import { NAME_MUTANTS } from './name-mutants.ts';
import { NODE_MUTANTS } from './node-mutants.ts';
import { OWNER_MUTANTS } from './owner-mutants.ts';
import { PASSAGE_MUTANTS } from './passage-mutants.ts';
import { RETENTION_MUTANTS } from './retention-mutants.ts';
import { REVERSE_MUTANTS } from './reverse-mutants.ts';
import { RUN_MUTANTS } from './run-mutants.ts';
import { SERVER_MUTANTS } from './server-mutants.ts';
import { SHARE_MUTANTS } from './share-mutants.ts';
import { STORE_MUTANTS } from './store-mutants.ts';
import { TLS_MUTANTS } from './tls-mutants.ts';
import { TOP_MUTANTS } from './top-mutants.ts';
import { TUNNEL_MUTANTS } from './tunnel-mutants.ts';
import { WAITING_MUTANTS } from './waiting-mutants.ts';
import { WEB_MUTANTS } from './web-mutants.ts';

export const MUTANTS: readonly Mutant[] = [
  ...STORE_MUTANTS,
  ...CONNECTION_MUTANTS,
  ...WEB_MUTANTS,
  ...SHARE_MUTANTS,
  ...NODE_MUTANTS,
  ...ATTEMPT_MUTANTS,
  ...FILTER_MUTANTS,
  ...FAILURE_MUTANTS,
  ...ACT_MUTANTS,
  ...ACT_LOG_MUTANTS,
  ...HISTORY_MUTANTS,
  ...RUN_MUTANTS,
  ...LOG_MUTANTS,
  ...DELETION_MUTANTS,
  ...RETENTION_MUTANTS,
  ...SERVER_MUTANTS,
  ...METRICS_MUTANTS,
  ...TUNNEL_MUTANTS,
  ...REVERSE_MUTANTS,
  ...PASSAGE_MUTANTS,
  ...DESCRIPTOR_MUTANTS,
  ...DURABLE_MUTANTS,
  ...CALL_MUTANTS,
  ...ACCESS_MUTANTS,
  ...AUDIT_MUTANTS,
  ...OWNER_MUTANTS,
  ...GATE_MUTANTS,
  ...JWT_MUTANTS,
  ...CREDENTIAL_MUTANTS,
  ...DEFINE_MUTANTS,
  ...LIMIT_MUTANTS,
  ...NAME_MUTANTS,
  ...CONFIG_MUTANTS,
  ...TLS_MUTANTS,
  ...TOP_MUTANTS,
  ...WAITING_MUTANTS,
  ...JSON_MUTANTS,
  ...DASHBOARD_MUTANTS,
];
