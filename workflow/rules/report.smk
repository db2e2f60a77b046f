rule report:
    input:
        tables=rules.gather.output,
        claims=rules.claims.output,
        notebooks=expand(rules.notebook.output, study=PLAN.studies),
    output:
        f"{RESULTS}/report/index.html",
        f"{RESULTS}/report/report.pdf",
    log:
        f"{LOGS}/report.log",
    resources:
        mem_mb=lambda wildcards, attempt: requests.megabytes_after(PLAN, attempt),
    params:
        config=CONFIG,
        plan=PLAN_DIGEST,
        source=SOURCES["report"],
        templates=of_files(*TEMPLATES),
    message:
        "Report"
    shell:
        "bnnbench report --config {params.config:q} --log {log:q}"


# The last step: the report stands, and the run as a whole still fails if a cell, a data set or a notebook did.
rule check:
    input:
        rules.report.output,
        tables=rules.gather.output,
    output:
        touch(f"{RESULTS}/checked"),
    log:
        f"{LOGS}/check.log",
    params:
        config=CONFIG,
    message:
        "Check that nothing failed"
    shell:
        "bnnbench check --config {params.config:q} --log {log:q}"
