import { type Command, Option } from 'commander';
import { collectHeaders } from '../call/metadata.ts';
import { parseMethodName } from '../call/name.ts';
import { type CallOptions, runCall } from '../call/run.ts';
import type { CommandContext } from '../context.ts';
import { parseDuration, parsePositiveDuration } from '../duration.ts';
import { usageError } from '../exit.ts';
import { parseName, parseTaskId } from '../names.ts';
import { addTargetOptions } from '../target.ts';

/** The longest that a server waits for a client. */
const MAX_WAIT_MS = 60_000;

export function fillCallCommand(command: Command, context: CommandContext): void {
  command
    .addOption(new Option('-d, --data <json>', 'the request, as an option instead of the argument'))
    .addOption(new Option('--client <id>', 'the client that is to answer').argParser(parseName).conflicts('selector'))
    .option('-l, --selector <expr>', 'a client whose labels match, such as site=berlin,!beta')
    .option('--wait <duration>', 'for a client that serves the method and has room, at most 1m', parseDuration)
    .option('--durable', 'keep the call until a client has answered it, also one that is away now')
    .option('--detach', 'with --durable: print the id of its task instead of waiting for the answer')
    .option('--key <key>', 'with --durable: an idempotency key; the same key is the same call')
    .addOption(
      new Option('--task <id>', 'wait for the answer of a durable call that was stored before')
        .argParser(parseTaskId)
        .conflicts(['client', 'selector', 'detach', 'key', 'wait', 'data']),
    )
    .addOption(
      new Option('-H, --header <pair>', "metadata, 'key: value' (base64 for keys in -bin); may be repeated").argParser(
        collectHeaders,
      ),
    )
    .addOption(new Option('--metadata <pair>').argParser(collectHeaders).hideHelp())
    .option('--deadline <duration>', 'give up after this time (default: never)', parsePositiveDuration)
    .addOption(new Option('--timeout <duration>').argParser(parsePositiveDuration).hideHelp())
    .option('--descriptors <file>', 'what the service looks like (a FileDescriptorSet), instead of reflection')
    .option('--emit-defaults', 'print fields that have their default value too')
    .option('-v, --verbose', 'show headers and trailers on stderr')
    .option('--json', 'one JSON object a line: {"headers": …}, {"message": …} for each answer, {"status": …}')
    .action((name: string, request: string | undefined, given: AliasedOptions) => {
      const options = mergeAliases(given);
      checkUsage(request, options);
      return runCall(parseMethodName(name), request, options, context);
    })
    .addHelpText(
      'after',
      `
METHOD is SERVICE/METHOD (SERVICE.METHOD too), of a service that a client serves or of the server's own ("contact services
list"). REQUEST is proto3 JSON; "-" stands for stdin, and so does nothing when stdin is no terminal; nothing on a terminal
is an empty request. A method that takes many takes JSON values one after the other, sent as they come, until the end of
stdin. Each answer is a line of JSON. A call that ended with another status than OK is told on stderr, with its details
and whether it can be made again, and the exit code is 1. An Any whose type nobody describes is shown by its bytes:
{"@type": …, "value": base64}. Ctrl-C cancels the call; one that is durable goes on as a task, and --task waits for it again.

Examples:
  contact call helloworld.Greeter/SayHello '{"name": "robot"}' --client robot-7
  contact call routeguide.RouteGuide/RouteChat < notes.jsonl
  contact call shop.Orders/Create - --durable --key order-17 --detach < order.json
  contact call shop.Orders/Create --task 019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01
  contact call contact.v1.AdminService/GetServerInfo`,
    );
  addTargetOptions(command);
}

/** `--metadata` and `--timeout` say the same as `--header` and `--deadline`. */
type AliasedOptions = CallOptions & {
  readonly metadata?: CallOptions['header'];
  readonly timeout?: number;
};

function mergeAliases({ metadata = [], timeout, ...options }: AliasedOptions): CallOptions {
  const deadline = options.deadline ?? timeout;
  const header = [...(options.header ?? []), ...metadata];
  return { ...options, header, ...(deadline === undefined ? {} : { deadline }) };
}

function checkUsage(request: string | undefined, options: CallOptions): void {
  if (request !== undefined && options.data !== undefined) throw usageError('give REQUEST or --data, not both');
  if (request !== undefined && options.task !== undefined) throw usageError('--task has its request already');
  if (options.detach && !options.durable) throw usageError('--detach goes with --durable');
  if (options.key !== undefined && !options.durable) throw usageError('--key goes with --durable');
  if (options.wait !== undefined && options.durable)
    throw usageError('--wait is for live calls: a durable one waits as long as it takes');
  if ((options.wait ?? 0) > MAX_WAIT_MS) throw usageError('--wait: at most 1m');
}
