/** What is printed after the list of flags. */
export const HELP_EXAMPLE = `
Example: show all packets of pod "centos" on interface "mirror" of kube-master
  $ kokotap --pod=centos --dest-node=kube-master | kubectl create -f -
  kube-master$ tcpdump -i mirror

The same line with "kubectl delete -f -" removes the tap.

"kokotap capture deploy/web" shows packets at once, without a tap: see kokotap
capture --help.`;

export const DESCRIPTION =
  "Prints the manifests of a tap: two pods that copy a pod's packets, live and complete, to an " +
  'interface of a node you choose. Pipe them into kubectl.';
