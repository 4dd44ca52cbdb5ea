/**
 * The netlink sockets that listen to notifications of the kernel: those in a multicast group. By inode number.
 *
 * @param netlink content of /proc/PID/net/netlink, of the whole network namespace: the fourth column is the groups, the
 *   tenth the inode
 */
export function listeningSockets(netlink: string): ReadonlySet<string> {
  const rows = netlink.split('\n').map((line) => line.trim().split(/ +/));
  return new Set(
    rows.flatMap(([, , , groups = '', , , , , , inode = '']) =>
      Number.parseInt(groups, 16) > 0 ? [inode] : [],
    ),
  );
}
