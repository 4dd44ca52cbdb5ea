import { describe } from 'vitest';
import { kubernetesMinor, onNode, processesOnNode, restartsWithinMs, runtimes } from '../support/lab.ts';
import type { Pod } from '../support/pod.ts';
import { test } from '../support/sandbox.ts';
import { expectSurvived } from '../support/scene.ts';
import { until } from '../support/until.ts';

/**
 * How an agent comes back is the kubelet's doing and its own, so many times on one runtime are enough. Fewer there too
 * where the kubelet takes longer and longer to start the next one.
 */
const killsOn = (runtime: string) => (runtime === runtimes[0]?.runtime && kubernetesMinor >= 32 ? 20 : 3);

// Side by side: most of the time they wait for a kubelet to start a container.
describe.concurrent.each(runtimes)('$runtime', ({ node, runtime }) => {
  for (const role of ['sender', 'receiver'] as const) {
    test(`SIGKILL of the ${role}, again and again`, ({ sandbox }) =>
      expectSurvived(sandbox, [node], {
        strike: (scene) => killAgain(scene[role], role, killsOn(runtime)),
        unnoticed: true,
      }));
  }
});

/** Kills an agent, and the next one as soon as it is there, and so on; waits for the last one. */
async function killAgain(agent: Pod, role: 'sender' | 'receiver', times: number): Promise<void> {
  const tapId = await agent.field(String.raw`.metadata.labels.kokotap\.dev/tap`);
  const pattern = `kokotap-agent ${role} .*"tapId":"${tapId}"`;
  let killed = '';
  const another = async (): Promise<string> => {
    const [pid = ''] = await processesOnNode(agent.node, pattern);
    if (pid === killed) throw new Error('it is the one that was killed');
    return pid;
  };
  for (let kills = times; kills > 0; kills -= 1) {
    const kill = async () => {
      const pid = await another();
      // The runtime's own process, before it becomes the agent's, has that command line too, and may just have ended.
      await onNode(agent.node, 'kill', '-KILL', pid);
      killed = pid;
      return true;
    };
    await until('another agent is killed', kill, restartsWithinMs);
  }
  await until('another agent runs', async () => (await another()) !== '', restartsWithinMs);
}
