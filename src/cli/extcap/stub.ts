import { VERSION } from '#src/version.ts';

export interface StubInput {
  /** The Node.js and the program that are started. */
  readonly program: readonly [string, string];
  /** Those of kubectl, and the namespace. */
  readonly flags: readonly string[];
  /** Where kubectl and credential plugins are: Wireshark started from a menu has a short one. */
  readonly path: string;
}

/**
 * The program that Wireshark starts for each question about its interfaces, one after the other: a shell script, because Node.js
 * would take a hundred times as long for the answers that are the same for all pods.
 */
export function extcapStub({ program, flags, path }: StubInput): string {
  return `#!/bin/sh
# Wireshark's extcap for kokotap ${VERSION}: made by kokotap extcap --install.
PATH=$PATH:${shellWord(path)}
export PATH
kokotap() { ${program.map(shellWord).join(' ')} "$@"; }
other='kokotap-other'
call= name= fifo= filter= own_filter= snaplen= interfaces= target=
while [ $# -gt 0 ]; do
  case $1 in
    --extcap-interfaces | --extcap-dlts | --extcap-config | --capture) call=$1 ;;
    --*=*) set -- "$@" "\${1%%=*}" "\${1#*=}"; shift; continue ;;
    --extcap-interface) name=$2; shift ;;
    --fifo) fifo=$2; shift ;;
    --extcap-capture-filter) filter=$2; shift ;;
    --filter) own_filter=$2; shift ;;
    --snaplen) snaplen=$2; shift ;;
    --interface) interfaces=$2; shift ;;
    --target) target=$2; shift ;;
  esac
  [ $# -eq 0 ] || shift
done
case $call in
  --extcap-interfaces)
    echo 'extcap {version=${VERSION}}{display=kokotap}'
    KOKOTAP_COMPLETION_MS=2000 kokotap __complete capture ${flags.map(shellWord).join(' ')} pod/ 2>/dev/null </dev/null |
      sed -n 's|^pod/\\(.*\\)$|interface {value=kokotap:\\1}{display=kokotap: pod \\1}|p'
    echo "interface {value=$other}{display=kokotap: other targets}"
    ;;
  --extcap-dlts) echo 'dlt {number=1}{name=EN10MB}{display=Ethernet}' ;;
  --extcap-config)
    echo 'arg {number=0}{call=--filter}{display=Filter on the node}{type=string}{tooltip=pcap-filter, such as tcp port 80}'
    echo 'arg {number=1}{call=--snaplen}{display=Bytes of each packet}{type=unsigned}{range=64,65535}{tooltip=Empty: all}'
    echo 'arg {number=2}{call=--interface}{display=Interfaces}{type=string}{default=eth0}{tooltip=eth0,net1, lo, or all}'
    [ "$name" != "$other" ] ||
      echo 'arg {number=3}{call=--target}{display=Targets}{type=string}{required=true}{tooltip=such as deploy/web svc/api node/node-a}'
    ;;
  --capture)
    set -f
    [ "$name" = "$other" ] || target=pod/\${name#kokotap:}
    set -- capture $target ${flags.map(shellWord).join(' ')} --write=- --quiet --allow-loss
    [ -z "$own_filter" ] || filter="\${filter:+($filter) and (}$own_filter\${filter:+)}"
    [ -z "$filter" ] || set -- "$@" "--filter=$filter"
    [ -z "$snaplen" ] || set -- "$@" "--snaplen=$snaplen"
    [ -z "$interfaces" ] || set -- "$@" "--interface=$interfaces"
    exec ${program.map(shellWord).join(' ')} "$@" >"$fifo"
    ;;
esac
`;
}

/** A word as a shell reads it as it is. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
