import { main } from './main.ts';
import { COMMANDS } from './commands/registry.ts';
import { SHELLS } from './completion/scripts.ts';

/**
 * What is printed for command lines whose answer depends on nothing but the program.
 *
 * @returns texts by the words of the command line as JSON
 */
export async function fixedTexts(): Promise<Record<string, string>> {
  const commands = [
    [],
    ...COMMANDS.flatMap(({ name, aliases }) => [name].concat(aliases)).map((name) => [name]),
  ];
  const lines = [
    ['--version'],
    ...commands.flatMap((words) => [words.concat('--help'), words.concat('-h')]),
    ...SHELLS.map((shell) => ['completion', shell]),
  ];
  const texts = await Promise.all(lines.map(textOf));
  return Object.fromEntries(lines.map((line, index) => [JSON.stringify(line), texts[index] ?? '']));
}

async function textOf(line: readonly string[]): Promise<string> {
  let said = '';
  const { exitCode, text } = await main(line, {}, (printed) => (said += printed));
  if (exitCode !== 0 || text === '' || said !== '')
    throw new Error(`kokotap ${line.join(' ')} prints no fixed text: ${said}`);
  return text;
}
