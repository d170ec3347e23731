const [MAJOR, MINOR] = [22, 18];

/** Why the SDK does not run on this version of Node; undefined: it does. */
export function refuseNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > MAJOR || (major === MAJOR && minor >= MINOR)) return undefined;
  return `contactd needs Node.js ${MAJOR}.${MINOR} or newer; this is ${version}: use a newer one (nodejs.org), or \`npx node@lts\``;
}

// Said at the import: what is missing in an older version would fail later, and say something else.
const problem = refuseNode(process.versions.node);
if (problem !== undefined) throw new Error(problem);
