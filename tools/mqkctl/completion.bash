# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of mqkctl(8) for bash.  The program itself knows what can follow:
# mqkctl --complete WORD...

_mqkctl()
{
	local line status cur=${COMP_WORDS[COMP_CWORD]}
	local words=("${COMP_WORDS[@]}") cword=$COMP_CWORD

	# K:TYPE=V is several words to bash, but one to mqkctl.
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n =: cur words cword
	fi
	COMPREPLY=()
	line=$("${words[0]}" --complete "${words[@]:1:cword}" 2>/dev/null)
	status=$?
	if [ "$status" -eq 3 ]; then
		compopt -o default
		return
	fi
	[ -n "$line" ] || return
	while IFS= read -r line; do
		COMPREPLY+=("$(printf %q "$line")")
	done <<<"$line"
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

complete -F _mqkctl mqkctl
