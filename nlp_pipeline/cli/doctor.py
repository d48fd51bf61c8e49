"""`nlp-pipeline doctor`."""

from __future__ import annotations

import sys

import click

from nlp_pipeline.cli.quiet import load_tensorflow


@click.command("doctor", short_help="Check whether this machine has what it takes.")
def command() -> None:
    """Check this machine: versions, devices, memory, the cache, the default encoder. Exit code 1 if something is amiss.

    \b
    Example:
      nlp-pipeline doctor
    """
    load_tensorflow()
    from nlp_pipeline.cli.tables import console, doctor_table
    from nlp_pipeline.jobs.doctor import examine

    findings = examine()
    console().print(doctor_table(findings))
    if not all(finding.fine for finding in findings):
        sys.exit(1)
