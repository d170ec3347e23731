import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

interface HeadingProps {
  readonly title: string;
  /** Where this is part of. */
  readonly above?: { readonly text: string; readonly href: string };
  /** What stands beside the title: a state. */
  readonly beside?: ComponentChildren;
  /** What can be done. */
  readonly children?: ComponentChildren;
}

/** The head of a screen; its title is that of the browser's tab too. */
export function Heading({ title, above, beside, children }: HeadingProps) {
  useEffect(() => {
    document.title = `${title} · contact`;
  }, [title]);
  return (
    <header class="heading">
      <div>
        {above && (
          <a class="above" href={above.href}>
            {above.text}
          </a>
        )}
        <h1>
          <span>{title}</span>
          {beside}
        </h1>
      </div>
      {children && <div class="acts">{children}</div>}
    </header>
  );
}

interface SectionProps {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Section({ title, aside, children }: SectionProps) {
  return (
    <section class="section" aria-label={title}>
      <div class="section-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
