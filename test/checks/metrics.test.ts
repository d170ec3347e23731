import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { renderMetricsPage } from '../../scripts/metrics.ts';
import { ROOT } from '../../scripts/tool.ts';
import { FAMILIES } from '../../server/metrics/families.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly action: string };
}

describe('docs/metrics.md', () => {
  it('is what the table of metrics says', () => {
    assert.equal(read('docs/metrics.md'), renderMetricsPage());
  });

  it('has names and help as Prometheus wants them', () => {
    for (const { name, type, help, labels } of FAMILIES) {
      assert.match(name, /^(contact|process|nodejs)_[a-z][a-z0-9_]*$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      if (type === 'histogram') assert.match(name, /_(seconds|items)$/);
      assert.match(help, /^[A-Z].*\.$/, name);
      for (const label of labels) assert.match(label, /^[a-z]+$/);
    }
    assert.equal(new Set(FAMILIES.map(({ name }) => name)).size, FAMILIES.length);
  });
});

describe('docs/alerts.yml', () => {
  const { groups } = parse(read('docs/alerts.yml')) as { groups: readonly { name: string; rules: readonly Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  const families = new Map(FAMILIES.map((family) => [family.name, family]));

  it('has rules with a summary and something to do', () => {
    assert.ok(rules.length >= 10);
    for (const { alert, labels, annotations, for: wait } of rules) {
      assert.match(alert, /^Contact[A-Z]\w+$/);
      assert.match(labels.severity ?? '', /^(page|ticket)$/);
      assert.ok(annotations.summary.length > 10 && annotations.action.length > 10, alert);
      if (wait !== undefined) assert.match(wait, /^\d+m$/);
    }
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  });

  it('asks for metrics and labels that there are, with parentheses that close', () => {
    for (const { alert, expr } of rules) {
      const named = [...expr.matchAll(/\b((?:contact|process|nodejs)_[a-z0-9_]+)(?:\{([^}]*)\})?/g)];
      for (const [, name = '', selector = ''] of named) {
        const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
        assert.ok(family, `${alert}: ${name}`);
        for (const [, label = ''] of selector.matchAll(/(\w+)(?:=|!=)/g))
          assert.ok(family.labels.includes(label), `${alert}: ${name}{${label}}`);
      }
      for (const [open, close] of ['()', '{}', '[]'])
        assert.equal(expr.split(open!).length, expr.split(close!).length, `${alert}: ${open}${close}`);
    }
  });
});
