export { ContactError, type ErrorCode } from '../shared/errors.ts';
export type { Logger } from '../shared/logger.ts';
export { checkOptions, type Finding } from './check.ts';
export type { Listening } from './listening.ts';
export { keepTokenBeside } from './operatortoken.ts';
export { DEFAULTS, type ServerOptions, type ServerParts } from './options.ts';
export { type ContactServer, createServer } from './server.ts';
export type { Restored, RestoreOptions } from './store/open.ts';
export { restoreStore } from './store/open.ts';
