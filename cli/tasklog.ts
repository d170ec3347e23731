import type { Attempt, LogLine } from '../gen/contact/v1/task_pb.ts';
import { levelName } from '../json/task.ts';
import { formatInstant } from './age.ts';
import { escapeLine } from './escape.ts';

/** What workers said, of the newest attempt in which one did. @param ofAll and of those before it */
export function renderLogs(attempts: readonly Attempt[], ofAll: boolean): string {
  const logged = attempts.filter(({ log }) => log.length > 0);
  const shown = ofAll ? logged : logged.slice(-1);
  const others = logged.length - shown.length;
  const hint =
    others > 0 ? `\n${others} more ${others === 1 ? 'attempt has' : 'attempts have'} a log: --attempts\n` : '';
  return `${shown.map(renderLog).join('')}${hint}`;
}

function renderLog({ attempt, delivery, log }: Attempt): string {
  const lines = log.map((line, place) => {
    const left = line.number - (log[place - 1]?.number ?? 0) - 1;
    return `${left > 0 ? `  … ${left.toLocaleString('en')} not kept\n` : ''}  ${formatInstant(line.at)}  ${describeLine(line)}\n`;
  });
  return `\nlog of attempt ${attempt}, delivery ${delivery}:\n${lines.join('')}`;
}

/** `warn  no rate for CHF` */
export function describeLine({ level, text }: Pick<LogLine, 'level' | 'text'>): string {
  return `${levelName(level)}  ${escapeLine(text)}`;
}
