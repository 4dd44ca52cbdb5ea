import type { CountedClassifier, CountedFilter } from '#src/net/tcMessages.ts';
import type { CountedLink } from '#src/net/linkMessages.ts';
import type { Netns } from '#src/net/netns.ts';
import { isHandleOf, macOf, parseAlias, preferences, type TapId } from '#src/tap/ownership/mark.ts';
import { aheadHook, isSeenProgram } from '#src/tap/programs/names.ts';
import type { EndpointStatus } from './endpointStatus.ts';
import { describeFit } from './describeFit.ts';
import { type ReadOtherHalf, senderAccount } from './senderAccount.ts';
import { type Placed, describeIdle, describeInFront, readTargets } from './targetHooks.ts';

/** The device in the node that a mirror device gives its copies to. */
export interface FoundTunnel {
  readonly netns: Netns;
  readonly link: CountedLink;
  readonly filters: readonly Placed[];
}

export async function describeEndpoint(
  netns: Netns,
  tap: TapId,
  { link, tunnel }: { readonly link: CountedLink; readonly tunnel: FoundTunnel | undefined },
  links: readonly CountedLink[],
  classifiers: ReadonlyMap<string, CountedClassifier>,
  readOtherHalf: ReadOtherHalf,
): Promise<EndpointStatus> {
  const { name, kind, up, mtuBytes, mac } = link;
  const { vxlan } = tunnel?.link ?? link;
  const inPod = [...classifiers].flatMap(([ifname, classifier]) =>
    classifier.filters
      .filter(({ handle }) => isHandleOf(tap, handle))
      .map((filter) => ({ interface: ifname, filter })),
  );
  const filters = [...inPod, ...(tunnel?.filters ?? [])];
  const common = {
    tap,
    netns: netns.inode,
    device: {
      name,
      kind,
      up,
      mtuBytes,
      ...(tunnel === undefined ? {} : { over: tunnel.link.name }),
      ...vxlan,
    },
    filters: filters.map((found) => ({
      interface: found.interface,
      hook: found.filter.hook,
      does: whatItDoes(found.filter),
    })),
  };
  if (mac === macOf(tap, 'receiver')) {
    const joinedInto = parseAlias(link.alias)?.joinedInto;
    return {
      role: 'receiver',
      ...common,
      ...(joinedInto === undefined ? {} : { joinedInto }),
      receivedPackets: classifiers.get(name)?.packets ?? 0,
    };
  }
  const targets = await readTargets(netns, links, filters);
  const inFront = describeInFront(targets, classifiers);
  const carrier = { ...(tunnel ?? { netns, link }), isTunnel: tunnel !== undefined };
  const account = await senderAccount(netns, carrier, links, targets, filters, readOtherHalf);
  const idle = describeIdle(links, targets);
  return {
    role: 'sender',
    ...common,
    ...(idle === undefined ? {} : { idle }),
    ...(inFront.length > 0 ? { inFront } : {}),
    ...account,
    ...(await describeFit(tunnel?.link ?? link, links, targets, filters)),
  };
}

function whatItDoes({ action, preference, program }: CountedFilter): string {
  if (typeof action === 'object')
    return 'copyTo' in action ? `copy to ${action.copyTo}` : `hand over to ${action.redirectTo}`;
  if (program?.includes('[tc/read_report]') === true) return "read the receiver's reports";
  const ahead = aheadHook(program);
  if (ahead !== undefined) return `hold the program that goes before others at the ${ahead} of targets`;
  if (isSeenProgram(program)) return 'count';
  return preference === preferences.copy ? 'sample, limit, cut and fit the copies' : 'drop';
}
