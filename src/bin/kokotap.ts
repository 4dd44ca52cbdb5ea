import { main } from '#src/cli/main.ts';
import { isBrokenPipe, writeAll } from '#src/cli/output.ts';
import { asCalled, wordsOf } from './calledAs.ts';
import { messageOf } from '#src/errors.ts';

const { exitCode, text } = await main(wordsOf(process.argv), process.env, (line) => {
  process.stderr.write(line);
});
process.exitCode = exitCode;
try {
  await writeAll(process.stdout, asCalled(text, process.argv));
} catch (error) {
  process.exitCode = 1;
  if (!isBrokenPipe(error)) process.stderr.write(`kokotap: ${messageOf(error)}\n`);
}
// A credential plugin that never answers would keep the process alive.
process.exit();
