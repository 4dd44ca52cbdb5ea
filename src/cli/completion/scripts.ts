/** Shells that command lines can be completed in. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof SHELLS)[number];

// Each asks `kokotap __complete WORD... LAST`, which prints candidates for the last word, a line each with an explanation
// behind a tab, and then `:N`: bit 2 of N: no space follows, bit 4: a file name is not possible.

const BASH = `# bash completion of kokotap. For this shell:  source <(kokotap completion bash)
# For all:  kokotap completion bash > /etc/bash_completion.d/kokotap
_kokotap() {
  local words=() rest=$COMP_LINE word i last line answer=() flags=4
  # bash also parts words at = and :, kokotap does not.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $i -eq 0 || $rest == [[:space:]]* ]]; then
      rest=\${rest#"\${rest%%[![:space:]]*}"}
      words+=("$word")
    else
      words[\${#words[@]} - 1]+=$word
    fi
    rest=\${rest#"$word"}
  done
  last=\${words[\${#words[@]} - 1]}
  while IFS= read -r line; do
    case $line in
      :*) flags=\${line#:} ;;
      *) answer+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(kokotap __complete "\${words[@]:1}" 2>/dev/null </dev/null)
  # Only what follows the last = or : is replaced.
  [[ $COMP_WORDBREAKS != *=* && $COMP_WORDBREAKS != *:* ]] || last=\${last%"\${last##*[=:]}"}
  COMPREPLY=("\${answer[@]#"$last"}")
  if ((flags & 2)); then compopt -o nospace 2>/dev/null; fi
  if ((!(flags & 4))); then compopt -o default 2>/dev/null; fi
}
complete -F _kokotap kokotap
`;

const ZSH = `#compdef kokotap
# zsh completion of kokotap. For this shell:  source <(kokotap completion zsh)
# For all:  kokotap completion zsh > "\${fpath[1]}/_kokotap"
_kokotap() {
  local line flags=4
  local -a values shown space
  while IFS= read -r line; do
    case $line in
      :*) flags=\${line#:} ;;
      *)
        values+=("\${line%%$'\\t'*}")
        shown+=("\${line/$'\\t'/  -- }")
        ;;
    esac
  done < <(kokotap __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null </dev/null)
  if ((flags & 2)); then space=(-S ''); fi
  if ((flags & 4)); then
    compadd "\${space[@]}" -l -d shown -a values
  else
    compset -P '*='
    _files
  fi
}
if [[ $funcstack[1] == _kokotap ]]; then
  _kokotap "$@"
else
  compdef _kokotap kokotap
fi
`;

const FISH = `# fish completion of kokotap. For this shell:  kokotap completion fish | source
# For all:  kokotap completion fish > ~/.config/fish/completions/kokotap.fish
function __kokotap_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l answer (kokotap __complete $words[2..-1] "$last" 2>/dev/null </dev/null)
    if test "$answer[-1]" = :0
        set -l flag (string match -r -- '^--[a-z-]+=' "$last")
        for file in (__fish_complete_path (string replace -r -- '^--[a-z-]+=' '' "$last"))
            echo "$flag$file"
        end
    else
        string match -v -r -- '^:' $answer
    end
end
complete -c kokotap -f -a '(__kokotap_complete)'
`;

/** A script that completes kokotap's command lines, to be read by the shell. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
