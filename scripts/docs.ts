import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { ROOT, runTool, toolEnvironment } from './tool.ts';

// `npm run docs`: the pages of docs/ as a static site in docs/site/public. The tools are installed in docs/site, apart from
// those of the project. A dead link or a warning of either tool fails it.

const SITE = join(ROOT, 'docs', 'site');
const STAGE = join(SITE, '.stage');
/** How the tools begin what they warn of; of a language that it has not, the highlighter says just that. */
const WARNING = /\[?\bwarn(?:ing)?\b\]?|\(!\)|is not loaded/i;
const BESIDE = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'bench/README.md',
  'examples/cpp/README.md',
  'examples/go/README.md',
  'examples/python/README.md',
  'examples/reverse/README.md',
  'examples/ruby/README.md',
];

/** Files of docs/ that end so, by their paths in it. */
function listDocs(ending: RegExp): readonly string[] {
  return readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => ending.test(path) && !path.startsWith('site/'));
}

/** The pictures that pages show: they go where they are in docs/. */
export function listPictures(): readonly string[] {
  return listDocs(/\.(?:png|svg)$/);
}

/** The pages by where they are in the repository, and where they go. */
export function listPages(): ReadonlyMap<string, string> {
  const pages = new Map(listDocs(/\.md$/).map((path) => [`docs/${path}`, path]));
  for (const path of BESIDE) pages.set(path, `project/${path.replace('/README', '')}`);
  return pages;
}

/**
 * Links between pages lead to where the pages go, and pictures are where they are in docs/. What is no page of the site (a
 * proto file, a folder of sources) is named by its path, since there is no place on the internet yet that has it.
 */
export function moveLinks(text: string, from: string, pages: ReadonlyMap<string, string>): string {
  const at = pages.get(from)!;
  const linkTo = (place: string): string =>
    relative(dirname(at), place)
      .replaceAll('\\', '/')
      .replace(/^(?!\.)/, './');
  return text.replaceAll(
    /(!?)\[([^\]]+)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)/g,
    (_whole, image, words, path, part = '') => {
      const target = normalize(join(dirname(from), path))
        .replaceAll('\\', '/')
        .replace(/\/$/, '');
      if (!existsSync(join(ROOT, target))) throw new Error(`${from}: a dead link: ${path}`);
      if (image === '!') return `![${words}](${linkTo(target.replace(/^docs\//, ''))})`;
      const isFolder = statSync(join(ROOT, target)).isDirectory();
      const page = pages.get(isFolder ? `${target}/README.md` : target);
      if (page === undefined) return words.includes('`') ? words : `${words} (\`${target}\`)`;
      return `[${words}](${linkTo(page)}${part})`;
    },
  );
}

function stage(): void {
  rmSync(STAGE, { recursive: true, force: true });
  const pages = listPages();
  for (const [from, to] of pages) {
    mkdirSync(dirname(join(STAGE, to)), { recursive: true });
    // No HTML is let through, so that a comment would be read as text.
    const text = readFileSync(join(ROOT, from), 'utf8').replaceAll(/^<!--[\s\S]*?-->\n/gm, '');
    writeFileSync(join(STAGE, to), moveLinks(text, from, pages));
  }
  for (const path of listPictures()) cpSync(join(ROOT, 'docs', path), join(STAGE, path));
  cpSync(join(SITE, 'index.md'), join(STAGE, 'index.md'));
}

/** Runs a tool of the site; what it warns of fails as an error does. */
function run(command: string, ...args: readonly string[]): void {
  const { isOk, output } = runTool(join(SITE, 'node_modules', '.bin', command), args, SITE);
  console.log(output.trim());
  if (!isOk || WARNING.test(output)) throw new Error(`${command} failed, or warned`);
}

/** The tool looks at links in the pages, and not at those of its own sidebar. */
export function findDeadEntries(config: string, isThere: (page: string) => boolean): readonly string[] {
  const links = [...config.matchAll(/page\('[^']*', '\/([^']*)'\)/g)].map(([, link = '']) => link);
  if (links.length === 0) throw new Error('the sidebar has no page');
  return links.filter((link) => !isThere(`${link}${link.endsWith('/') ? 'index' : ''}.html`));
}

if (import.meta.main) {
  if (!existsSync(join(SITE, 'node_modules'))) {
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: SITE, stdio: 'inherit', env: toolEnvironment() });
  }
  stage();
  run('typedoc');
  run('vitepress', 'build', '.');
  const config = readFileSync(join(SITE, '.vitepress', 'config.js'), 'utf8');
  const dead = findDeadEntries(config, (page) => existsSync(join(SITE, 'public', page)));
  if (dead.length > 0) throw new Error(`the sidebar leads nowhere: ${dead.join(', ')}`);
  console.log('docs/site/public: built');
}
