/**
 * Completion for bash. That of @bomb.sh/tab has bash evaluate the words that were typed so far and the values that it
 * offers, so that a name from a server could run a command, and needs the package bash-completion beside; this one asks
 * the same question and does neither.
 */
export const BASH_SCRIPT = `# bash completion for contact
_contact() {
  local line=\${COMP_LINE:0:COMP_POINT} cur prefix value directive=0
  local -a words
  IFS=$' \\t\\n' read -r -a words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  cur=\${words[\${#words[@]}-1]}
  # Bash takes --flag=value and a:b for several words, and replaces the last of them.
  [[ $cur == -*=* ]] && cur=\${cur#*=}
  prefix=\${cur%"\${cur##*[:=]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    case $value in
      :[0-9]*) directive=\${value#:} ;;
      "$prefix"?*) COMPREPLY+=("\${value#"$prefix"}") ;;
    esac
  done <<< "$(contact complete -- "\${words[@]:1}" 2> /dev/null)"
  # Where nothing is known, files.
  if [[ \${#COMPREPLY[@]} -eq 0 && $directive -eq 0 ]]; then compopt -o default 2> /dev/null; fi
}
complete -F _contact contact`;
