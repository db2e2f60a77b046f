rule notebook:
    input:
        source=lambda wildcards: source(
            "notebooks",
            f"{PLAN.study_configs[wildcards.study].notebook or wildcards.study}.ipynb",
        ),
        tables=rules.gather.output,
        shards=lambda wildcards: expand(
            f"{RESULTS}/shards/{{shard}}.nc", shard=shards_of(wildcards.study)
        ),
        data=lambda wildcards: data_of(shards_of(wildcards.study)),
    output:
        f"{RESULTS}/notebooks/{{study}}.ipynb",
        f"{RESULTS}/notebooks/{{study}}.html",
    log:
        f"{LOGS}/notebooks/{{study}}.log",
    resources:
        mem_mb=lambda wildcards, attempt: requests.megabytes_after(PLAN, attempt),
    params:
        config=CONFIG,
        source=SOURCES["notebook"],
    message:
        "Notebook of study {wildcards.study}"
    shell:
        "bnnbench notebook --config {params.config:q} --study {wildcards.study:q} --log {log:q} --go-on"
