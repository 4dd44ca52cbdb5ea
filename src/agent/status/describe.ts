import type { CountedClassifier, CountedFilter } from '#src/net/tcAnswers.ts';
import type { Netns } from '#src/net/netns.ts';
import { isHandleOf, macOf, parseAlias, preferences, type TapId } from '#src/tap/ownership/mark.ts';
import { aheadHook, isSeenProgram } from '#src/tap/programs/names.ts';
import type { EndpointStatus } from './endpointStatus.ts';
import { describeFit } from './describeFit.ts';
import { type ReadOtherHalf, senderAccount } from './senderAccount.ts';
import { type CountedLink, describeIdle, describeInFront, readTargets } from './targetHooks.ts';

export async function describeEndpoint(
  netns: Netns,
  tap: TapId,
  link: CountedLink,
  links: readonly CountedLink[],
  classifiers: ReadonlyMap<string, CountedClassifier>,
  readOtherHalf: ReadOtherHalf,
): Promise<EndpointStatus> {
  const { name, kind, up, mtuBytes, vxlan, mac } = link;
  const filters = [...classifiers].flatMap(([ifname, classifier]) =>
    classifier.filters
      .filter(({ handle }) => isHandleOf(tap, handle))
      .map((filter) => ({ interface: ifname, filter })),
  );
  const common = {
    tap,
    netns: netns.inode,
    device: { name, kind, up, mtuBytes, ...vxlan },
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
  const account = await senderAccount(netns, link, targets, filters, readOtherHalf);
  const idle = describeIdle(links, targets);
  return {
    role: 'sender',
    ...common,
    ...(idle === undefined ? {} : { idle }),
    ...(inFront.length > 0 ? { inFront } : {}),
    ...account,
    ...(await describeFit(link, links, targets, filters)),
  };
}

function whatItDoes({ action, preference, program }: CountedFilter): string {
  if (typeof action === 'object')
    return 'copyTo' in action ? `copy to ${action.copyTo}` : `hand over to ${action.redirectTo}`;
  if (program?.includes('[tc/heard]') === true) return "read the receiver's reports";
  const ahead = aheadHook(program);
  if (ahead !== undefined) return `hold the program that goes before others at the ${ahead} of targets`;
  if (isSeenProgram(program)) return 'count';
  return preference === preferences.copy ? 'sample, limit, cut and fit the copies' : 'drop';
}
