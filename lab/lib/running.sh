# shellcheck shell=bash
# Replaces the settings of the caller's environment by those of the lab that runs.
if [ -e "$state/settings" ]; then
  # shellcheck source=/dev/null
  . "$state/settings"
  # shellcheck source=lab/config.sh
  . "$lab/config.sh"
fi
