import { withMermaid } from 'vitepress-plugin-mermaid';

const page = (text, link) => ({ text, link });

/** Has blocks that are indented look as those between fences do: they scroll where they are wider than the page. */
function showIndented(markdown) {
  markdown.renderer.rules.code_block = (tokens, at, options, env, renderer) => {
    tokens[at].info = 'text';
    return renderer.rules.fence(tokens, at, options, env, renderer);
  };
}

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M4 8h8" stroke="#4a5a8a" stroke-width="2"/>' +
  '<circle cx="4" cy="8" r="3" fill="#4a5a8a"/><circle cx="12" cy="8" r="3" fill="#4a5a8a"/></svg>';

export default withMermaid({
  title: 'contact',
  description: 'A task server that can reach its clients',
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(ICON)}` }]],
  srcDir: '.stage',
  outDir: 'public',
  // A link to nowhere fails the build; this is the default, and meant.
  ignoreDeadLinks: false,
  markdown: {
    // Texts of the project have <word> and {word} in them, which are no elements and no attributes.
    html: false,
    attrs: { disable: true },
    config: showIndented,
    // Languages that the highlighter has not.
    languageAlias: { haproxy: 'nginx' },
  },
  // The index of the search has the text of every page, and is loaded when somebody searches.
  vite: { build: { chunkSizeWarningLimit: 4_000 } },
  themeConfig: {
    search: { provider: 'local' },
    sidebar: [
      {
        text: 'Guides',
        items: [
          page('Getting started', '/guides/getting-started'),
          page('Concepts', '/guides/concepts'),
          page('A web app and its workers', '/guides/web-app'),
          page('Devices behind NAT', '/guides/devices'),
          page('Reverse RPC', '/guides/reverse-rpc'),
          page('Operating', '/guides/operating'),
          page('Twelve questions', '/operating'),
          page('The dashboard', '/dashboard'),
          page('Migrating', '/guides/migrating'),
          page('Other languages', '/guides/languages'),
        ],
      },
      {
        text: 'Reference',
        items: [
          page('Command line', '/cli'),
          page('What --json prints', '/json'),
          page('Configuration', '/configuration'),
          page('Limits', '/limits'),
          page('SDK', '/sdk/'),
          page('Protocol', '/protocol'),
          page('States', '/states'),
          page('Reverse RPC', '/reverse'),
          page('Access', '/access'),
          page('Rights', '/rights'),
          page('Metrics', '/metrics'),
          page('The last hour', '/history'),
          page('Logs', '/logs'),
        ],
      },
      {
        text: 'Running it',
        items: [
          page('Metrics and probes', '/running'),
          page('As a service', '/service'),
          page('Proxies', '/proxies'),
          page('Backup', '/backup'),
          page('Upgrading', '/upgrading'),
          page('Tracing', '/tracing'),
          page('Performance', '/performance'),
          page('Faults', '/faults'),
          page('Threats', '/threats'),
          page('Architecture', '/architecture'),
        ],
      },
      {
        text: 'Project',
        items: [
          page('README', '/project/README'),
          page('Changelog', '/project/CHANGELOG'),
          page('Contributing', '/project/CONTRIBUTING'),
          page('Security', '/project/SECURITY'),
          page('Benchmarks', '/project/bench'),
        ],
      },
    ],
  },
});
