type Sqlite = typeof import('node:sqlite');

/**
 * Node's own SQLite. Node 22 calls it experimental on stderr when it is loaded first: that one warning is dropped, since
 * whoever runs a server or a worker can do nothing about it. Every other warning is passed on.
 */
export function loadSqlite(): Sqlite {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    const isExpected =
      rest[0] === 'ExperimentalWarning' && String(warning).startsWith('SQLite is an experimental feature');
    if (!isExpected) Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}
