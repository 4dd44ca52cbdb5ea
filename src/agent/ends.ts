import { compilePcapFilter } from '#src/net/pcapFilter.ts';
import { readPathMtu } from '#src/net/pathMtu.ts';
import { Netns } from '#src/net/netns.ts';
import { readProcFile } from '#src/net/processNetns.ts';
import { matchAll } from '#src/tap/bpf.ts';
import type { End, Place } from './keep.ts';
import type { ReceiverOptions, SenderOptions } from './options.ts';
import { findTarget, isCurrent, type Target } from './target.ts';
import { receiverEnd, senderEnd } from './wanted.ts';

/**
 * The end in the target pod: it moves with the pod's network namespace.
 *
 * @throws {UserError} when the filter is wrong.
 */
export async function sender(options: SenderOptions): Promise<End> {
  const podUid = options['pod-uid'];
  const { filter } = options;
  const wanted = senderEnd(options, filter === undefined ? matchAll : await compilePcapFilter(filter));
  const { device } = wanted;
  let target: Target | undefined;
  let place: Place | undefined;
  return {
    wanted,
    ...(device.kind === 'vxlan' ? { pathMtuBytes: () => readPathMtu(device.local, device.remote) } : {}),
    peerSaysHello: options['external-peer'] !== true,
    awaited: `a running container of the pod with UID ${podUid} on this node`,
    place() {
      if (target !== undefined && isCurrent(target, podUid)) return place;
      const found = findTarget(podUid);
      if (found !== undefined && target?.netns.inode === found.netns.inode) {
        found.netns.close();
        target = { netns: target.netns, pid: found.pid };
        return place;
      }
      target = found;
      place = found && {
        netns: found.netns,
        netDev: () => readProcFile(target?.pid ?? found.pid, 'net/dev') ?? '',
      };
      return place;
    },
  };
}

/** The end on the destination node, in the namespace that the agent itself is in. */
export async function receiver(options: ReceiverOptions): Promise<End> {
  const place: Place = {
    netns: new Netns('/proc/self/ns/net'),
    netDev: () => readProcFile('self', 'net/dev') ?? '',
  };
  return {
    wanted: receiverEnd(options),
    peerSaysHello: true,
    awaited: 'nothing',
    place: () => place,
  };
}
