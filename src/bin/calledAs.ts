/** The base names under which the program is a plugin of kubectl. */
const PLUGIN = 'kubectl-kokotap';
/** What kubectl asks for completions of the plugin's command line. */
const COMPLETER = 'kubectl_complete-kokotap';

/** The command line's words, by the path that the program was called by. */
export function wordsOf([, program = '', ...words]: readonly string[]): readonly string[] {
  return baseName(program).startsWith(COMPLETER) ? ['__complete', ...words] : words;
}

/** Help in the words that it was asked for with. */
export function asCalled(text: string, [, program = '']: readonly string[]): string {
  return baseName(program).startsWith(PLUGIN)
    ? text.replace(/^Usage: kokotap/u, 'Usage: kubectl kokotap')
    : text;
}

function baseName(program: string): string {
  return program.slice(program.lastIndexOf('/') + 1);
}
