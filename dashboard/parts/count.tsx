import { formatCount } from '../format.ts';

interface CountProps {
  readonly value: number;
  /** Where those are listed. */
  readonly href?: string;
  /** What is counted, for who hears it. */
  readonly label?: string;
  /** It asks for attention unless it is 0. */
  readonly isBad?: boolean;
}

/** A number; 0 is quiet, and others lead to what was counted. */
export function Count({ value, href, label, isBad = false }: CountProps) {
  if (value === 0) return <span class="none">0</span>;
  const text = formatCount(value);
  if (href === undefined) return <span class={isBad ? 'bad' : ''}>{text}</span>;
  return (
    <a class={`count${isBad ? ' bad' : ''}`} href={href} {...(label && { 'aria-label': `${text} ${label}` })}>
      {text}
    </a>
  );
}
