#!/usr/bin/env bash
# A sweep on a real Slurm: starts munged, slurmctld and slurmd for this one machine in a scratch folder, plans and
# submits 48 runs, cancels a part half-way, submits again, collects, and compares with `gdiff run` byte for byte.
# Installs slurm-wlm and munge where they are missing (Debian-like, root), and skips with the reason where they cannot
# be had. Stops what it started, also when it fails.
# Runs wait at a point of their training (src/store/wait_point.rs), so that some are surely done, some running and
# some waiting when the test looks. Times in seconds only bound a hang.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/packages.sh

fail() {
    echo "slurm_test: FAILED: $1" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || skip "the daemons of Slurm need root"
scratch=$(mktemp -d)
daemons=()
ended() {
    status=$?
    set +e
    if [ ${#daemons[@]} -gt 0 ]; then
        timeout 10 scancel --user=root 2>/dev/null
        # In the reverse order of their start.
        for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
            kill "${daemons[i]}" 2>/dev/null
            wait "${daemons[i]}" 2>/dev/null
        done
    fi
    if [ "$status" -ne 0 ]; then
        tail -n 20 "$scratch"/*.log "$scratch"/*/slurm/*.log >&2 2>/dev/null
    fi
    rm -rf "$scratch"
    exit "$status"
}
trap ended EXIT
trap 'exit 130' INT TERM

have() {
    command -v munged && command -v slurmctld && command -v slurmd && command -v sbatch
} >/dev/null
if ! have; then
    apt_install slurm-wlm munge || skip "slurm-wlm and munge cannot be installed"
    have || skip "the packages slurm-wlm and munge brought no daemons"
fi
build
gdiff=$(realpath "$gdiff")

# A folder with a name that needs care.
sweep="$scratch/a sweep's 100 % folder"
node=$(hostname -s)
free_port() { # the first of a range that nobody listens on
    for port in $(seq "$1" "$(($1 + 99))"); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return; }
    done
}
mkdir "$scratch/state" "$scratch/spool"
chmod 755 "$scratch"
cat >"$scratch/slurm.conf" <<CONF
ClusterName=gdiff
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$(free_port 16800)
SlurmdPort=$(free_port 16900)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$scratch/munge.socket
CredType=cred/munge
StateSaveLocation=$scratch/state
SlurmdSpoolDir=$scratch/spool
SlurmctldPidFile=$scratch/slurmctld.pid
SlurmdPidFile=$scratch/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0
KillWait=5
MaxArraySize=20
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=$node NodeAddr=127.0.0.1 CPUs=2 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=$node Default=YES MaxTime=INFINITE State=UP
CONF
# A GPU that is none: it is counted, and no task uses it.
echo 'Name=gpu File=/dev/null' >"$scratch/gres.conf"
export SLURM_CONF="$scratch/slurm.conf"

start() { # a daemon by name, its log named after it
    "$@" >>"$scratch/$1.log" 2>&1 &
    daemons+=($!)
}
until_true() { # what is waited for, a command
    local end=$((SECONDS + 600)) what=$1
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "waited too long: $what"
        sleep 0.2
    done
}
dd if=/dev/urandom of="$scratch/munge.key" bs=128 count=1 status=none
chmod 600 "$scratch/munge.key"
start munged --foreground --force --key-file="$scratch/munge.key" --socket="$scratch/munge.socket" \
    --pid-file="$scratch/munged.pid" --log-file="$scratch/munged.log" --seed-file="$scratch/munge.seed"
until_true "munged" test -S "$scratch/munge.socket"
start slurmctld -D
start slurmd -D -N "$node"
idle() { sinfo --noheader --format=%T | grep -qE '^(idle|mixed|allocated)$'; }
until_true "the node to be idle" idle

cat >"$scratch/spec.toml" <<'SPEC'
name = "slurm_test"
replicates = 6
[data]
kind = "gmm"
samples = 500
[[data.components]]
mean = [-1.0, 0.0]
std = 0.3
[[data.components]]
mean = [1.0, 0.5]
std = 0.3
[diffusion]
steps = 20
[network]
time_dim = 4
[train]
iterations = 300
batch_size = 64
[sample]
count = 300
[metrics]
reference = 300
[sweep]
"network.width" = [4, 6, 8, 10]
SPEC

"$gdiff" sweep plan "$scratch/spec.toml" --out "$sweep"
# What is written for GPUs is what this Slurm takes where it has that many, and refuses where it has not.
"$gdiff" sweep submit "$sweep" --gpus 1 --dry-run -- --comment=gpu
sbatch --test-only "$sweep/slurm/array-0.sh" || fail "a task with one GPU was refused"
"$gdiff" sweep submit "$sweep" --gpus 2 --dry-run
! sbatch --test-only "$sweep/slurm/array-0.sh" || fail "a task with two GPUs was taken by a node that has one"
# Of the first six replicates, half are done when all others of their point wait in their training, two at a time;
# sbatch hands the environment on.
hold="$scratch/hold"
touch "$hold"
export GDIFF_TEST_WAIT=train:100@-r3-,train:100@-r4-,train:100@-r5- GDIFF_TEST_WAIT_FILE="$hold"
"$gdiff" sweep submit "$sweep" --engine slurm --partition main --time 600 -- --comment=first | tee "$scratch/first"
# 48 tasks, but an array's numbers stay below MaxArraySize.
grep -q "(array 0-19)" "$scratch/first" && [ "$(grep -c "^job" "$scratch/first")" -eq 3 ] ||
    fail "48 tasks did not become arrays of at most 20"
second=$(sed -n '2s/^job \([0-9]*\):.*/\1/p' "$scratch/first")

under_way() { # some runs done, some running, some waiting, by one status
    "$gdiff" sweep status "$sweep" >"$scratch/half-way"
    [ "$(awk '$1 == "done" { print $2 }' "$scratch/half-way")" -eq 6 ] &&
        grep -q "^slurm: pending" "$scratch/half-way" && grep -q "^slurm: running" "$scratch/half-way"
}
until_true "status to show runs that are done, running and waiting in Slurm's queue" under_way
cat "$scratch/half-way"

# Half of the second array, and whatever runs now.
running=$(squeue --noheader --array --states=RUNNING --format=%i | tr '\n' ' ')
echo "cancelled: ${second}_[10-19] $running"
scancel "${second}_[10-19]"
# shellcheck disable=SC2086
[ -z "$running" ] || scancel $running
gone() { [ -z "$(squeue --noheader --states=COMPLETING)" ]; }
until_true "cancelled tasks to go" gone
"$gdiff" sweep submit "$sweep" --per-task 4 | tee "$scratch/again"
grep -q "^job" "$scratch/again" || fail "the second submission submitted nothing"
grep -q "in the queue already: runs" "$scratch/again" || fail "what waits in the queue was submitted twice"
rm "$hold"
empty() { [ -z "$(squeue --noheader)" ]; }
until_true "the queue to be empty" empty
unset GDIFF_TEST_WAIT GDIFF_TEST_WAIT_FILE
"$gdiff" sweep collect "$sweep"
"$gdiff" sweep submit "$sweep" | grep -q "every run is done" || fail "a finished sweep was submitted again"

"$gdiff" run "$scratch/spec.toml" --out "$scratch/local" --quiet
for table in metrics loss summary isotropy gaussianizer; do
    cmp "$sweep/$table.csv" "$scratch/local/$table.csv" || fail "$table.csv is not that of a local run"
done
echo "slurm_test: 48 runs through Slurm $(sbatch --version | cut -d' ' -f2), byte for byte those of a local run, in $SECONDS s"
