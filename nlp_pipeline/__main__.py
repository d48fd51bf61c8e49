"""`python -m nlp_pipeline` is `nlp-pipeline`."""

from nlp_pipeline.cli.main import main

main()
