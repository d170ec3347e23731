import type { Readable } from 'node:stream';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Metadata, StatusObject } from '@grpc/grpc-js';
import { createAdmin } from '../../client/admin.ts';
import { openWire, type Wire } from '../../client/caller/wire.ts';
import { type Connection, createConnection } from '../../client/connection.ts';
import { isOwnService } from '../../client/descriptor.ts';
import { reflectOver } from '../../client/reflection.ts';
import { methodPath } from '../../shared/grpc.ts';
import type { CommandContext } from '../context.ts';
import { escapeLine } from '../escape.ts';
import { CommandFailure, EXIT, usageError } from '../exit.ts';
import { openStdin } from '../lines.ts';
import { statusToJson } from '../notice.ts';
import { reachServer, readConnection } from '../reach.ts';
import { exitCodeOfSignal, onStopSignal, type StopSignal } from '../signals.ts';
import type { TargetOptions } from '../target.ts';
import { type AnswerReader, createAnswerReader } from './answer.ts';
import { advise, codeName, fateOf, isSettled, readEnding, wordsOf } from './ending.ts';
import { addHeaders, describeMetadata, type Header, metadataToJson } from './metadata.ts';
import type { MethodName } from './name.ts';
import { encodeRequest, parseJson } from './request.ts';
import { readOneRequest, readRequests } from './requests.ts';
import { type Asking, describeService, describeSymbol, findMethod, readDescriptors } from './source.ts';
import { createTypes, type Types } from './types.ts';
import { explainUndescribed } from './undescribed.ts';

export interface CallOptions extends TargetOptions {
  readonly data?: string;
  readonly client?: string;
  readonly selector?: string;
  /** Milliseconds. */
  readonly wait?: number;
  readonly durable?: boolean;
  readonly detach?: boolean;
  readonly key?: string;
  /** Whose answer is waited for. */
  readonly task?: string;
  readonly header?: readonly Header[];
  /** Milliseconds. */
  readonly deadline?: number;
  readonly descriptors?: string;
  readonly emitDefaults?: boolean;
  readonly verbose?: boolean;
}

/** The longest that the timers of a call can count: 24 days. */
const MAX_DEADLINE_MS = 24 * 24 * 60 * 60 * 1_000;
const TASK_KEY = 'contact-task';
const NOTHING = new Uint8Array();

/** What one run of the command has at hand. */
interface Calling {
  readonly method: DescMethod;
  readonly options: CallOptions;
  readonly context: CommandContext;
  readonly types: Types;
  readonly reader: AnswerReader;
}

export async function runCall(
  name: MethodName,
  request: string | undefined,
  options: CallOptions,
  context: CommandContext,
): Promise<void> {
  refuseOwn(name, options);
  const given = options.descriptors === undefined ? undefined : readDescriptors(options.descriptors);
  if (given) findMethod(given, name);
  const connection = readConnection(options, context.say);
  await reachServer(connection, options.connectTimeout);
  const sdk = createConnection(connection);
  async function failUndescribed(): Promise<never> {
    const admin = createAdmin(connection);
    try {
      throw await explainUndescribed(name.service, reflectOver(sdk), admin, options.client);
    } finally {
      await admin.close();
    }
  }
  try {
    const asking = reflectAs(options.client, reflectOver(sdk));
    const files =
      given ?? (await describeService(asking, name.service, options.wait ?? 0)) ?? (await failUndescribed());
    const types = createTypes(files, async (symbol) => (given ? undefined : describeSymbol(asking, symbol)));
    const reader = createAnswerReader(types, options.emitDefaults === true);
    const method = findMethod(files, name);
    await call({ method, options, context, types, reader }, sdk, openSource(request ?? options.data, method, context));
  } finally {
    sdk.close();
  }
}

/** The server answers these itself, now, whatever is said of clients: of which it says nothing. */
function refuseOwn({ service }: MethodName, options: CallOptions): void {
  if (!isOwnService(service)) return;
  const odd = (['client', 'selector', 'wait', 'durable', 'task'] as const).find((flag) => options[flag] !== undefined);
  if (odd !== undefined) throw usageError(`--${odd} is of what clients serve, and ${service} is the server's own`);
}

/** Asks for what the client that is called says its services look like, if it says so. */
function reflectAs(clientId: string | undefined, reflection: Asking): Asking {
  if (clientId === undefined) return reflection;
  return { ...reflection, describe: (symbols, options) => reflection.describe(symbols, { ...options, clientId }) };
}

/** Where the requests come from; a text that is empty: one empty request. */
function openSource(given: string | undefined, method: DescMethod, { input }: CommandContext): string | Readable {
  if (given === '-' || given === '@') return openStdin();
  if (given !== undefined) return given;
  const isStreamed = hasManyRequests(method);
  if (input.isTTY || (!isStreamed && method.input.fields.length === 0)) return '';
  return openStdin();
}

function hasManyRequests({ methodKind }: DescMethod): boolean {
  return methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
}

async function call(calling: Calling, sdk: Connection, source: string | Readable): Promise<void> {
  const { method, options, context } = calling;
  const { out } = context;
  const isMany = hasManyRequests(method);
  const isKept = options.durable === true || options.task !== undefined;
  if (isMany && isKept) throw usageError(`durable calls are of unary methods, ${method.name} is none`);
  // One that is wrong is told before anything is sent.
  const first = isMany ? undefined : await encodeOne(calling, source);
  const { deadline } = options;
  const headers = Promise.withResolvers<Metadata | undefined>();
  const open = openWire({
    link: await sdk.link(),
    path: methodPath(method),
    metadata: addHeaders(sdk.metadata(addressing(options)), options.header ?? []),
    deadlineMs: deadline === undefined ? undefined : Math.min(deadline, MAX_DEADLINE_MS),
    onHeaders: headers.resolve,
  });
  void open.ended.then(() => headers.resolve(undefined));
  let stoppedBy: StopSignal | undefined;
  const stopListening = onStopSignal((count, signal) => {
    if (count > 1) process.exit(exitCodeOfSignal(signal));
    stoppedBy = signal;
    open.cancel();
  });
  out.closed.addEventListener('abort', () => open.cancel());
  let inputError: unknown;
  const sending = (first ? sendOne(first, open) : sendMany(calling, source, open)).catch((error: unknown) => {
    inputError = error;
    open.cancel();
  });
  try {
    const taskId = await printAnswers(calling, open, await headers.promise);
    const status = await open.ended;
    if (inputError) throw inputError;
    if (out.closed.aborted) return;
    if (first) await sending;
    if (stoppedBy) throw new CommandFailure(describeStop(stoppedBy, taskId), exitCodeOfSignal(stoppedBy));
    await printEnding(calling, status, taskId);
  } catch (error) {
    open.cancel();
    throw error;
  } finally {
    stopListening();
  }
}

/** What the caller says of the call to the server. */
function addressing({ client, selector, wait, durable, detach, key, task }: CallOptions): Record<string, string> {
  return {
    ...(client !== undefined && { 'contact-client': client }),
    ...(selector !== undefined && { 'contact-selector': selector }),
    ...(wait !== undefined && { 'contact-wait': `${wait}ms` }),
    ...((durable || task !== undefined) && { 'contact-mode': 'durable' }),
    ...(detach && { 'contact-detach': '1' }),
    ...(key !== undefined && { 'contact-key': key }),
    ...(task !== undefined && { [TASK_KEY]: task }),
  };
}

async function encodeOne(calling: Calling, source: string | Readable): Promise<Uint8Array> {
  if (calling.options.task !== undefined) return NOTHING;
  const value = (await readOneRequest(source)) ?? { text: '{}', line: 1 };
  return encode(calling, value, 'request');
}

async function encode({ method, types }: Calling, value: { text: string; line: number }, place: string) {
  if (value.text.includes('@type')) await types.learnNamed(parseJson(value, place));
  return encodeRequest(method.input, value, place, types.registry);
}

async function sendOne(message: Uint8Array, open: Wire): Promise<void> {
  await open.send(asBuffer(message));
  open.halfClose();
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Sends each request as it comes, and no faster than they are taken. */
async function sendMany(calling: Calling, source: string | Readable, open: Wire): Promise<void> {
  let count = 0;
  for await (const value of readRequests(source)) {
    count += 1;
    await open.send(asBuffer(await encode(calling, value, `request ${count}`)));
    if (open.isOver) return;
  }
  open.halfClose();
}

/** Prints what comes; answers the id of the task that a durable call is. */
async function printAnswers(calling: Calling, open: Wire, headers: Metadata | undefined): Promise<string | undefined> {
  const { method, options, context, reader } = calling;
  const { out } = context;
  const taskId = headers?.get(TASK_KEY)[0]?.toString();
  if (options.verbose) for (const line of describeMetadata(headers)) context.say(`header ${line}`);
  if (options.json && headers) await out.writeJson({ headers: metadataToJson(headers) });
  for await (const message of open.messages()) {
    // The answer to a call that is not waited for says nothing.
    if (options.detach) continue;
    const answer = await reader.read(method.output, message);
    await out.writeJson(options.json ? { message: answer } : answer);
  }
  if (options.detach && taskId !== undefined) {
    await (options.json ? out.writeJson({ id: taskId }) : out.write(`${escapeLine(taskId)}\n`));
  }
  return taskId;
}

async function printEnding(calling: Calling, status: StatusObject, taskId: string | undefined): Promise<void> {
  const { options, context, reader, types } = calling;
  const ending = await readEnding(status, reader, types);
  if (options.json) await context.out.writeJson({ status: ending });
  if (options.verbose) {
    for (const line of describeMetadata(status.metadata)) context.say(`trailer ${line}`);
    if (status.code === 0) context.say('status OK');
  }
  if (status.code === 0) return;
  context.exitCode = EXIT.refused;
  const code = codeName(status.code);
  const message = wordsOf(status);
  context.sayError(statusToJson(status, code, message), `contact: ${code}: ${message}`);
  if (!options.json) for (const detail of ending.details) context.say(`  detail: ${JSON.stringify(detail)}`);
  if (taskId !== undefined) {
    context.say(`  task ${taskId} ${fateOf(status)}: contact tasks show ${taskId}`);
    const name = `${calling.method.parent.typeName}/${calling.method.name}`;
    if (!isSettled(status)) context.say(`  its answer is waited for by: contact call ${name} --task ${taskId}`);
  }
  for (const line of advise(status, taskId !== undefined)) context.say(`  ${line}`);
}

function describeStop(signal: StopSignal, taskId: string | undefined): string {
  return taskId === undefined
    ? `the call was cancelled by ${signal}`
    : `task ${taskId} goes on: the waiting was ended by ${signal}`;
}
