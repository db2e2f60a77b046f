rule dataset:
    output:
        f"{RESULTS}/data/{{dataset}}.nc",
    log:
        f"{LOGS}/data/{{dataset}}.log",
    priority: 2  # before any training: a long shard is not to wait for its data until short ones are done
    params:
        config=CONFIG,
        study=lambda wildcards: PLAN.datasets[wildcards.dataset].study,
        digest=lambda wildcards: PLAN.datasets[wildcards.dataset].digest,
        seeds=PLAN.config.seeds,
        source=SOURCES["dataset"],
    message:
        "Data set {wildcards.dataset}"
    shell:
        "bnnbench dataset --config {params.config:q} --study {params.study:q} --dataset {wildcards.dataset:q}"
        " --output {output:q} --log {log:q} --go-on"
