import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { adminKubeconfig, kokotapProgram, kubectlProgram, type Outcome } from './lab.ts';

/** Runs a line as a user does who has kokotap and kubectl in the PATH. */
export async function typed(line: string, kubeconfig = adminKubeconfig): Promise<Outcome> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-test-'));
  try {
    const program = path.join(folder, 'kokotap');
    writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${kokotapProgram}" "$@"\n`);
    chmodSync(program, 0o755);
    const { exitCode, stdout, stderr } = await execa('bash', ['-o', 'pipefail', '-c', line], {
      env: {
        PATH: `${folder}:${path.dirname(kubectlProgram)}:${process.env['PATH'] ?? ''}`,
        KUBECONFIG: kubeconfig,
      },
      reject: false,
      timeout: 60_000,
    });
    return { exitCode, stdout, stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
