export { Misread } from './kinds.ts';
export { type AnyRow, flagOf, keyOf, type Rows, showDefault, showValue, variableOf } from './row.ts';
export {
  type Configuration,
  ConfigurationError,
  FILE_VARIABLE,
  readConfiguration,
  renderConfiguration,
  type Setting,
  type Sources,
} from './sources.ts';
export { GROUPS, ROWS, SERVER_ROWS, type ServeOptions, type ServerOptions } from './table.ts';
