# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion of msgslot for fish: `msgslot complete` knows what there is.

function __msgslot_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l candidates (msgslot complete $words[2..-1] 2>/dev/null)
    switch "$candidates[1]"
        case :files
            __fish_complete_path (commandline -ct)
        case :commands
            complete -C (commandline -ct)
        case '*'
            string join \n -- $candidates
    end
end

complete -c msgslot -f -k -a '(__msgslot_complete)'
