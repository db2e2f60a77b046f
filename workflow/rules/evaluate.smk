rule evaluate:
    input:
        shard=f"{RESULTS}/shards/{{shard}}.nc",
        references=lambda wildcards: references_of([wildcards.shard]),
        data=lambda wildcards: data_of([wildcards.shard]),
    output:
        f"{RESULTS}/metrics/{{shard}}.parquet",
    log:
        f"{LOGS}/evaluate/{{shard}}.log",
    resources:
        mem_mb=lambda wildcards, attempt: requests.megabytes_evaluating(
            PLAN, [wildcards.shard], attempt
        ),
    params:
        config=CONFIG,
        source=SOURCES["evaluate"],
    message:
        "Evaluate {wildcards.shard}"
    shell:
        "bnnbench evaluate --config {params.config:q} --shard {wildcards.shard:q} --output {output:q} --log {log:q}"


# Once for each data set, for all studies that have it.
rule controls:
    input:
        f"{RESULTS}/data/{{dataset}}.nc",
    output:
        f"{RESULTS}/controls/{{dataset}}.parquet",
    log:
        f"{LOGS}/controls/{{dataset}}.log",
    params:
        config=CONFIG,
        source=SOURCES["controls"],
    message:
        "Controls of {wildcards.dataset}"
    shell:
        "bnnbench controls --config {params.config:q} --dataset {wildcards.dataset:q} --output {output:q} --log {log:q}"


rule probe:
    input:
        shard=f"{RESULTS}/shards/{{shard}}.nc",
        data=lambda wildcards: data_of([wildcards.shard]),
    output:
        f"{RESULTS}/probes/{{shard}}.parquet",
    log:
        f"{LOGS}/probe/{{shard}}.log",
    threads: PLAN.config.threads
    params:
        config=CONFIG,
        probes=lambda wildcards: probe_digest(wildcards.shard),
        source=SOURCES["probe"],
    message:
        "Probe {wildcards.shard}"
    shell:
        "bnnbench probe --config {params.config:q} --shard {wildcards.shard:q} --threads {threads}"
        " --output {output:q} --log {log:q}"


for batch, names in SHARED.items():

    rule:
        name:
            f"evaluate_{batch}"
        input:
            shards=expand(f"{RESULTS}/shards/{{shard}}.nc", shard=names),
            references=references_of(names),
            data=data_of(names),
        output:
            expand(f"{RESULTS}/metrics/{{shard}}.parquet", shard=names),
        log:
            f"{LOGS}/evaluate/{batch}.log",
        resources:
            mem_mb=lambda wildcards, attempt, names=names: requests.megabytes_evaluating(
                PLAN, names, attempt
            ),
        params:
            config=CONFIG,
            batch=batch,
            source=SOURCES["evaluate"],
        message:
            f"Evaluate {in_words(batch, names)}"
        shell:
            "bnnbench evaluate --config {params.config:q} --batch {params.batch:q} --log {log:q}"

    probed = [name for name in names if name in PROBED]
    if probed:

        rule:
            name:
                f"probe_{batch}"
            input:
                shards=expand(f"{RESULTS}/shards/{{shard}}.nc", shard=probed),
                data=data_of(probed),
            output:
                expand(f"{RESULTS}/probes/{{shard}}.parquet", shard=probed),
            log:
                f"{LOGS}/probe/{batch}.log",
            threads: PLAN.config.threads
            params:
                config=CONFIG,
                batch=batch,
                probes=lambda wildcards, names=probed: [probe_digest(n) for n in names],
                source=SOURCES["probe"],
            message:
                f"Probe {in_words(batch, probed)}"
            shell:
                "bnnbench probe --config {params.config:q} --batch {params.batch:q} --threads {threads} --log {log:q}"


rule gather:
    input:
        metrics=expand(f"{RESULTS}/metrics/{{shard}}.parquet", shard=PLAN.shards),
        shards=expand(f"{RESULTS}/shards/{{shard}}.nc", shard=PLAN.shards),
        probes=expand(f"{RESULTS}/probes/{{shard}}.parquet", shard=PROBED),
        controls=expand(f"{RESULTS}/controls/{{dataset}}.parquet", dataset=CONTROLLED),
        data=data_of(PLAN.shards),
    output:
        f"{RESULTS}/metrics.parquet",
        f"{RESULTS}/cells.parquet",
        f"{RESULTS}/tuned.parquet",
        f"{RESULTS}/references.parquet",
        f"{RESULTS}/probes.parquet",
    log:
        f"{LOGS}/gather.log",
    resources:
        mem_mb=lambda wildcards, attempt: requests.megabytes_after(PLAN, attempt),
    params:
        config=CONFIG,
        plan=PLAN_DIGEST,
        source=SOURCES["evaluate"],
    message:
        "Gather the tables"
    shell:
        "bnnbench gather --config {params.config:q} --log {log:q}"


rule claims:
    input:
        tables=rules.gather.output,
        shards=expand(f"{RESULTS}/shards/{{shard}}.nc", shard=PLAN.shards),
        data=data_of(PLAN.shards),
    output:
        f"{RESULTS}/claims.parquet",
    log:
        f"{LOGS}/claims.log",
    resources:
        mem_mb=lambda wildcards, attempt: requests.megabytes_after(PLAN, attempt),
    params:
        config=CONFIG,
        plan=PLAN_DIGEST,
        source=SOURCES["claims"],
    message:
        "Test the claims"
    shell:
        "bnnbench claims --config {params.config:q} --log {log:q}"
