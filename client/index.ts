// First of all: it says what is missing where Node is too old.
import './process/age.ts';

export {
  type Credential,
  CredentialKind,
  type DescribeCallerResponse,
  Role,
} from '../gen/contact/v1/access_service_pb.ts';
export type { GetServerInfoResponse } from '../gen/contact/v1/admin_service_pb.ts';
export { type Task, TaskState } from '../gen/contact/v1/task_pb.ts';
export { ContactError, type ErrorCode } from '../shared/errors.ts';
export { newTaskId } from '../shared/ids.ts';
export {
  type Access,
  type AccessOptions,
  createAccess,
  type JoinOptions,
  type NewJoin,
  type NewToken,
  type RightsOptions,
  type RoleName,
  type TokenOptions,
} from './access.ts';
export type { ActKindName, ActsQuery } from './acts.ts';
export { type Admin, type AdminOptions, createAdmin } from './admin.ts';
export type { BackoffOptions } from './backoff.ts';
export type { BackupOptions } from './backup.ts';
export type { Enqueued } from './batch.ts';
export { type Caller, createCaller, type KeptCall } from './caller/caller.ts';
export { CallError } from './caller/error.ts';
export type { AnswerOptions, CallerOptions, CallMetadata, StubOptions } from './caller/options.ts';
export type { Answers, Messages, Stub, StubMethod } from './caller/stub.ts';
export type { CallOptions } from './calltask.ts';
export { bytes, type Codec, json } from './codec.ts';
export type { HandleOptions, TaskHandler } from './define/handled.ts';
export type { JsonOf, JsonResult } from './define/json.ts';
export type { Middleware } from './define/middleware.ts';
export type { StandardIssue, StandardResult, StandardSchema } from './define/standard.ts';
export {
  type DefinedOptions,
  type DefinedTask,
  defineTask,
  type PlainTaskOptions,
  type SchemaTaskOptions,
} from './define/task.ts';
export type { Exposed, ExposeOptions } from './expose/expose.ts';
export {
  TaskFailed,
  TaskFailure,
  type TaskFailureAdvice,
  type TaskProblem,
  TaskRelease,
  type TaskReleaseAdvice,
} from './failure.ts';
export type { FailuresOptions } from './failures.ts';
export type { TaskQuery } from './filter.ts';
export type { Handler, LogLevel, TaskContext } from './handler.ts';
export type { HistoryOptions } from './history.ts';
export type { BroadcastOptions, EnqueueOptions, NewTaskInput, TaskTerms } from './newtask.ts';
export {
  createObserver,
  type Observer,
  type ObserverOptions,
  type ResultsGap,
  type ResultsOptions,
} from './observer.ts';
export type { ConnectionOptions, Logger, TlsOptions } from './options.ts';
export type { PageOptions } from './pages.ts';
export { type RunOptions, runWorker } from './process/run.ts';
export { createProducer, type Producer, type ProducerOptions } from './producer.ts';
export type { CreateOptions, DeleteQueueOptions, QueueAdmin, QueueDeletion } from './queues.ts';
export { createReflection, type DescribeOptions, type Reflection } from './reflection.ts';
export type { Worker, WorkerOptions } from './registration.ts';
export type { TaskResult } from './result.ts';
export type { QueueRetention } from './retention.ts';
export type { FoundTasks, TaskSelection } from './selection.ts';
export type { RawContext, RawHandler } from './serve/raw.ts';
export type { CallContext, MethodHandler, ServeOptions, ServiceHandlers } from './serve/service.ts';
export type { SettledState, TaskCounts } from './state.ts';
export type { WorkerStatus } from './status.ts';
export type { UnaryOptions } from './unary.ts';
export { createWorker } from './worker.ts';
