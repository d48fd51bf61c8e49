"""`nlp-pipeline completion`."""

from __future__ import annotations

import click

PROGRAM = "nlp-pipeline"
VARIABLE = "_NLP_PIPELINE_COMPLETE"


@click.command("completion", short_help="Print what a shell needs to complete our commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
def command(shell: str) -> None:
    """Print the script by which SHELL (bash, zsh or fish) completes commands, options, recipes, bundles and encoders.

    Where it goes, so that each new shell has it:

    \b
      bash  ~/.local/share/bash-completion/completions/nlp-pipeline
            (with the package bash-completion), or a file that ~/.bashrc sources
      zsh   a file _nlp-pipeline in a folder of $fpath, before compinit is called
      fish  ~/.config/fish/completions/nlp-pipeline.fish

    \b
    Example:
      nlp-pipeline completion bash > nlp-pipeline.bash
      nlp-pipeline completion zsh > ~/.zfunc/_nlp-pipeline
      nlp-pipeline completion fish > ~/.config/fish/completions/nlp-pipeline.fish
    """
    from click.shell_completion import get_completion_class

    from nlp_pipeline.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    # Not `source`, which wants to ask the very shell for its version: the script may be made for another machine.
    completion = kind(cli, {}, PROGRAM, VARIABLE)
    click.echo(completion.source_template % completion.source_vars())
