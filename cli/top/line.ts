import { styleText } from 'node:util';

/** One line of a screen, free of control characters and no wider than the screen. */
export interface Line {
  readonly text: string;
  readonly style?: 'bold' | 'dim' | 'yellow' | 'red' | 'inverse';
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A line as a terminal takes it; without colours when NO_COLOR is set. */
export function styleLine({ text, style }: Line): string {
  return style ? styleText(style, text) : text;
}
