import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { messageOf, UserError } from '#src/errors.ts';
import { quote } from '../text.ts';

const NAME = 'kokotap';

/**
 * Puts the stub where Wireshark looks for extcaps.
 *
 * @returns its path
 * @throws {UserError} where it cannot be written
 */
export async function installStub(folder: string, stub: string): Promise<string> {
  const file = path.join(folder, NAME);
  try {
    await mkdir(folder, { recursive: true });
    // Anew: a link there may lead to what is somebody else's.
    await rm(file, { force: true });
    await writeFile(file, stub, { mode: 0o755 });
  } catch (error) {
    throw new UserError(
      `Cannot write ${quote(file)}: ${messageOf(error)}; do it as root, or name another folder with --folder and in WIRESHARK_EXTCAP_DIR`,
      { cause: error },
    );
  }
  return file;
}

/**
 * Where Wireshark looks for extcaps: where the environment says, in the user's own folder if it has one (since Wireshark 4.2), or in that of
 * all users.
 *
 * @throws {UserError} when there is no Wireshark to ask
 */
export async function extcapFolder(env: NodeJS.ProcessEnv): Promise<string> {
  const named = env['WIRESHARK_EXTCAP_DIR'];
  if (named) return named;
  const folders = await wiresharkFolders(env);
  const [, folder] =
    /^Personal Extcap path:\s*(.+)$/imu.exec(folders) ??
    /^(?:Global )?Extcap path:\s*(.+)$/imu.exec(folders) ??
    [];
  if (folder === undefined)
    throw new UserError('tshark -G folders names no folder for extcaps: give it with --folder');
  return folder.trim();
}

async function wiresharkFolders(env: NodeJS.ProcessEnv): Promise<string> {
  try {
    return (await promisify(execFile)('tshark', ['-G', 'folders'], { env })).stdout;
  } catch (error) {
    throw new UserError(
      `Cannot ask tshark where Wireshark looks for extcaps: ${messageOf(error)}; install tshark, or give the folder with --folder (Wireshark shows it in Help, About, Folders)`,
      { cause: error },
    );
  }
}
