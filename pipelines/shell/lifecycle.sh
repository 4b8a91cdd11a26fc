#!/usr/bin/env bash
# The lifecycle for any CI system that runs shell commands and keeps a folder between its jobs:
#
#   lifecycle.sh preprocess | train | deploy | all
#
# FLOWEROPS_BUILD_ID and FLOWEROPS_BUILD_URI name the build in the lineage where flowerops does not know the system.
# DATA_FOLDER  photos, one sub-folder a class (photos)      DATA_MODE  extend, replace, or nothing (extend)
# PARAMS_FILE  parameters for --params (none)               OUT        where documents and reports go (out)
set -euo pipefail

: "${DATA_FOLDER:=photos}" "${DATA_MODE=extend}" "${PARAMS_FILE=}" "${OUT:=out}"

preprocess() {
    flowerops preprocess --data-folder "$DATA_FOLDER" ${DATA_MODE:+"--$DATA_MODE"} \
        ${PARAMS_FILE:+--params "$PARAMS_FILE"} --json > "$OUT/preprocess.json"
}

train() {
    flowerops train --dataset "@$OUT/preprocess.json" ${PARAMS_FILE:+--params "$PARAMS_FILE"} --json > "$OUT/train.json"
    flowerops evaluate --run "@$OUT/train.json" --report "$OUT/report.html" --summary-md "$OUT/summary.md" --json \
        > "$OUT/evaluate.json"
    # Ends with 4 when the gate says no.
    flowerops register --run "@$OUT/train.json" --json > "$OUT/register.json"
}

deploy() {
    flowerops deploy --model "@$OUT/register.json" --json > "$OUT/deploy.json"
    flowerops smoketest --junit "$OUT/smoke.xml" --json > "$OUT/smoketest.json" || {
        code=$?
        flowerops deployments rollback
        exit "$code"
    }
}

mkdir -p "$OUT"
case "${1:-}" in
    preprocess | train | deploy) "$1" ;;
    all) preprocess; train; deploy ;;
    *)
        echo "usage: lifecycle.sh preprocess | train | deploy | all" >&2
        exit 2
        ;;
esac
