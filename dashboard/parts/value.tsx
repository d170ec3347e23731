import { useState } from 'preact/hooks';
import { formatCount } from '../format.ts';
import { tell } from './notice.tsx';

/** Characters of a value that are shown at first: a payload may have megabytes. */
const MAX_SHOWN = 20_000;

interface ValueProps {
  readonly label: string;
  readonly value: unknown;
  readonly contentType?: string | undefined;
}

/** A payload or a result. */
export function Value({ label, value, contentType }: ValueProps) {
  const [isWhole, setWhole] = useState(false);
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  const isCut = !isWhole && text.length > MAX_SHOWN;
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      tell(`${label} copied`);
    } catch {
      tell('The browser does not let this page copy.', true);
    }
  };
  return (
    <figure class="value">
      <figcaption>
        <span>
          {label}
          {contentType && <small> {contentType}</small>}
        </span>
        <button type="button" class="link" onClick={() => void copy()}>
          Copy<span class="heard"> {label}</span>
        </button>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      {/* biome-ignore lint/a11y/useSemanticElements: what is preformatted is no set of fields */}
      <pre tabIndex={0} role="group" aria-label={label}>
        {isCut ? text.slice(0, MAX_SHOWN) : text}
      </pre>
      {isCut && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          Show all {formatCount(text.length)} characters
        </button>
      )}
    </figure>
  );
}
