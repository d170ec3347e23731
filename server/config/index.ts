export { Misread } from './kinds.ts';
export { ConfigurationError } from './problems.ts';
export { type AnyRow, flagOf, keyOf, type Rows, showDefault, showValue, variableOf } from './row.ts';
export {
  type Configuration,
  FILE_VARIABLE,
  openConfiguration,
  renderConfiguration,
  type Setting,
  type Sources,
} from './sources.ts';
export { GROUPS, ROWS, SERVER_ROWS, type ServeOptions, type ServerOptions } from './table.ts';
