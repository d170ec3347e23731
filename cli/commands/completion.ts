import { script } from '@bomb.sh/tab';
import { Argument, type Command } from 'commander';
import { BASH_SCRIPT } from '../completion/bash.ts';
import type { CommandContext } from '../context.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export function fillCompletionCommand(command: Command, context: CommandContext): void {
  command
    .addArgument(new Argument('<shell>', 'the shell that it is for').choices(SHELLS))
    .action(async (shell: (typeof SHELLS)[number]) => {
      if (shell === 'bash') await context.out.write(`${BASH_SCRIPT}\n`);
      // It prints by itself.
      else script(shell, 'contact', 'contact');
    })
    .addHelpText(
      'after',
      `
Prints what completes "contact" in that shell: commands, flags, their values, and names of queues and clients, which are
asked of the server that the line is about (--server, CONTACT_SERVER, a profile). One that gives no answer within 0.7 s is
left alone.

  bash  source <(contact completion bash)             in ~/.bashrc
  zsh   source <(contact completion zsh)              in ~/.zshrc, after compinit
  fish  contact completion fish | source              in ~/.config/fish/config.fish

Example:
  source <(contact completion bash)`,
    );
}
