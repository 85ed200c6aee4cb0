"""``edgebench completion``: the script a shell needs to complete our words."""

from __future__ import annotations

import click

from edgebench.cli.options import emit

WHERE = {
    "bash": 'eval "$(edgebench completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(edgebench completion zsh)"   in ~/.zshrc',
    "fish": "edgebench completion fish > ~/.config/fish/completions/edgebench.fish",
}


@click.command("completion", short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(sorted(WHERE)))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def command(shell: str, as_json: bool) -> None:
    """Print the completion script for SHELL.

    \b
    bash:  eval "$(edgebench completion bash)"   in ~/.bashrc
    zsh:   eval "$(edgebench completion zsh)"    in ~/.zshrc
    fish:  edgebench completion fish > ~/.config/fish/completions/edgebench.fish
    """
    from click.shell_completion import get_completion_class

    from edgebench.cli import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    script = kind(cli, {}, "edgebench", "_EDGEBENCH_COMPLETE").source()
    if as_json:
        emit({"shell": shell, "script": script, "put": WHERE[shell]})
    else:
        click.echo(script)
