# A corpus for tests of training: eon's own pages and headers, which every checkout has,
# in documents so short that few sequences lie within one.
#
#   make_corpus FOLDER        with its tokenizer in FOLDER/../tokenizer.json
# shellcheck shell=bash

document_bytes=500
project_root=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)

make_corpus() { # FOLDER
    local folder=$1 here=${1%/*}
    cat "$project_root"/*/*.h "$project_root"/{shards,trainer}/*/*.h >"$here/text.txt"
    "$EON" tokenizer train --vocab_size=400 --out="$here/tokenizer.json" "$here/text.txt" \
        >"$here/corpus.log" 2>&1 &&
        "$EON" shards build --tokenizer="$here/tokenizer.json" --document_bytes=$document_bytes \
            --holdout=0.1 --out="$folder" "$here/text.txt" >>"$here/corpus.log" 2>&1
}
