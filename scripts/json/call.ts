import * as z from 'zod';
import { always, flag, jsonValue, maybe, shape, text, texts, whole, word } from './shape.ts';

const callee = shape('Callee', 'A client that serves a service.', {
  client: always(text, 'Its id.'),
  calls: always(whole, 'Live calls of the service that run there.'),
  draining: always(flag, 'It takes no new calls.'),
});

export const service = shape('Service', 'A service that can be called.', {
  service: always(text, 'Its name.'),
  methods: maybe(texts, 'Names of its methods.', 'nobody describes it'),
  clients: maybe(z.array(callee), 'Who serves it.', 'the server itself does'),
});

export const method = shape('Method', 'A method that can be called.', {
  method: always(text, '`pkg.Service/Method`'),
  kind: always(word('unary', 'server_streaming', 'client_streaming', 'bidi_streaming'), 'Who sends how many messages.'),
  request: always(text, 'The type that it takes, after `stream` where it takes many.'),
  answer: always(text, 'The type that it answers, after `stream` where it answers many.'),
  clients: maybe(z.array(callee), 'Who serves it.', 'the server itself does'),
});

export const symbol = shape('Symbol', 'Something that a `.proto` file declares.', {
  symbol: always(text, 'Its full name.'),
  kind: always(word('service', 'rpc', 'message', 'enum', 'extension'), 'What it is.'),
  proto: always(text, 'How a `.proto` file declares it.'),
});

/** A message of somebody else's making: proto3 JSON as its type says. */
export const template = z
  .record(z.string(), jsonValue)
  .meta({ title: 'Request', description: 'A request to be filled in: proto3 JSON, its fields are those of its type.' });

export const exposed = shape('Exposed', 'A service that can be called from now on.', {
  service: always(text, 'Its name.'),
  methods: always(texts, 'Names of its methods.'),
  client: always(text, 'The client that serves it.'),
});

const metadata = z.record(z.string(), z.array(z.string()));

const status = shape('Status', 'How a call ended.', {
  code: always(text, 'The name of the code: `OK`, `NOT_FOUND`.'),
  message: always(z.string(), 'In words.'),
  details: always(z.array(jsonValue), 'Of a `google.rpc.Status`: proto3 JSON; a text in base64 could not be read.'),
  trailers: always(metadata, 'Each key with its values, bytes as base64.'),
});

export const callEvent = shape('CallEvent', 'What a call is answered with: one of these, in this order.', {
  headers: maybe(metadata, 'Each key with its values, bytes as base64.', 'it is another event, or the call had none'),
  message: maybe(jsonValue, 'An answer: proto3 JSON.', 'it is another event'),
  id: maybe(text, 'With `--detach`: the id of the task that the call is.', 'it is another event'),
  status: maybe(status, 'How it ended.', 'it is another event'),
});
