#!/bin/sh
# Saves all widgets that an API key sees, a file a dialect, and deletes old files:
#
#     backup.sh URL DIR [FILES]
#
# Keeps the newest FILES files of each dialect in the folder DIR, 30 unless told otherwise. The key
# comes from the environment: WIDGETS_API_KEY holds it, or WIDGETS_KEY_FILE names a file that does.
set -eu
url=$1 folder=$2 files=${3-30}

# Nobody else may read what is saved.
umask 077
mkdir -p "$folder"
now=$(date -u +%Y-%m-%dT%H%M%SZ)
part=$folder/$now.part
trap 'rm -f "$part"' EXIT

for dialect in assistant pathway; do
  # Under another name first: a backup that has its name is whole.
  widgets export --from "$url" --dialect "$dialect" --output "$part" \
    ${WIDGETS_KEY_FILE:+--key-file "$WIDGETS_KEY_FILE"}
  mv "$part" "$folder/$dialect-$now.jsonl"
  # The oldest first, as their names sort. A backup that fails does not get here, and deletes none.
  set -- "$folder/$dialect"-*.jsonl
  while [ "$#" -gt "$files" ]; do
    rm "$1"
    shift
  done
done
