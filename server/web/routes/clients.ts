import { AdminService } from '../../../gen/index.ts';
import { clientDetailToJson, clientToJson } from '../../../json/client.ts';
import { flag } from '../fields.ts';
import { NEXT, PAGE } from '../filter.ts';
import { one, type Route } from '../route.ts';

const M = AdminService.method;

export const CLIENT_ROUTES: readonly Route[] = [
  one({
    verb: 'GET',
    path: '/v1/clients',
    method: M.listClients,
    summary: 'Clients that are connected, and named ones that are away, by id.',
    query: { ...PAGE, connected: flag('Only those that are connected.') },
    answers: { list: 'clients', of: 'Client', beside: NEXT },
    ask: ({ limit = 0, page = '', connected = false }) => ({
      pageSize: limit,
      pageToken: page,
      connectedOnly: connected,
    }),
    tell: ({ clients, nextPageToken: next }) => ({
      body: { clients: clients.map(clientToJson), ...(next !== '' && { next }) },
    }),
  }),
  one({
    verb: 'GET',
    path: '/v1/clients/{client}',
    method: M.describeClient,
    summary: 'One client, with its sessions and what it serves.',
    answers: 'ClientDetail',
    ask: ({ client }) => ({ clientId: client }),
    tell: (answer) => ({ body: clientDetailToJson(answer.client!, answer) }),
  }),
  one({
    verb: 'POST',
    path: '/v1/clients/{client}/drain',
    method: M.drainClient,
    summary: 'Gives it nothing more; what it has it finishes.',
    answers: 'ClientChange',
    ask: ({ client }) => ({ clientId: client }),
    tell: (_, { client }) => ({ body: { client, draining: true } }),
  }),
  one({
    verb: 'POST',
    path: '/v1/clients/{client}/resume',
    method: M.resumeClient,
    summary: 'Gives it tasks again.',
    answers: 'ClientChange',
    ask: ({ client }) => ({ clientId: client }),
    tell: (_, { client }) => ({ body: { client, draining: false } }),
  }),
  one({
    verb: 'POST',
    path: '/v1/clients/{client}/disconnect',
    method: M.disconnectClient,
    summary: 'Closes its streams once; it may come again.',
    answers: 'ClientChange',
    ask: ({ client }) => ({ clientId: client }),
    tell: ({ sessions }, { client }) => ({ body: { client, disconnected: sessions } }),
  }),
  one({
    verb: 'DELETE',
    path: '/v1/clients/{client}',
    method: M.forgetClient,
    summary: 'Forgets a named client that is away.',
    answers: 'ClientChange',
    ask: ({ client }) => ({ clientId: client }),
    tell: (_, { client }) => ({ body: { client, forgotten: true } }),
  }),
];
