# A job extends its shard's file: it trains the cells whose keys the file lacks and leaves the others as they are.
rule train:
    input:
        data=lambda wildcards: data_of([wildcards.shard]),
        pretraining=lambda wildcards: pretraining_of([wildcards.shard]),
    output:
        update(f"{RESULTS}/shards/{{shard}}.nc"),
    log:
        f"{LOGS}/train/{{shard}}.log",
    threads: PLAN.config.threads
    resources:
        gpu=lambda wildcards: requests.gpus(PLAN, [wildcards.shard]),
        mem_mb=lambda wildcards, attempt: requests.megabytes(
            PLAN, [wildcards.shard], attempt
        ),
        runtime=lambda wildcards, attempt: requests.minutes(
            PLAN, [wildcards.shard], attempt
        ),
    params:
        config=CONFIG,
        digest=lambda wildcards: PLAN.shards[wildcards.shard].digest,
    message:
        "Train {wildcards.shard}"
    shell:
        "bnnbench train --config {params.config:q} --shard {wildcards.shard:q} --threads {threads}"
        " --output {output:q} --log {log:q}"


# All others are compared with references. These and other long jobs go first, so that none is left for the end, when
# the other cores have nothing to do.
use rule train as train_first with:
    wildcard_constraints:
        shard=one_of(FIRST),
    priority: 1


ruleorder: train_first > train


# What was trained before a job of several ended waits beside the files until all of it is done.
for batch, names in SHARED.items():

    rule:
        name:
            f"train_{batch}"
        input:
            data=data_of(names),
            pretraining=pretraining_of(names),
        output:
            update(expand(f"{RESULTS}/shards/{{shard}}.nc", shard=names)),
        log:
            f"{LOGS}/train/{batch}.log",
        threads: PLAN.config.threads
        resources:
            gpu=lambda wildcards, names=names: requests.gpus(PLAN, names),
            mem_mb=lambda wildcards, attempt, names=names: requests.megabytes(
                PLAN, names, attempt
            ),
            runtime=lambda wildcards, attempt, names=names: requests.minutes(
                PLAN, names, attempt
            ),
        params:
            config=CONFIG,
            batch=batch,
            digest=[PLAN.shards[name].digest for name in names],
        message:
            f"Train {in_words(batch, names)}"
        shell:
            "bnnbench train --config {params.config:q} --batch {params.batch:q} --threads {threads} --log {log:q}"
