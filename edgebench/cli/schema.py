"""``edgebench schema``: what a plan may say, for editors."""

from __future__ import annotations

import click

from edgebench.cli.options import emit


@click.command("schema", short_help="Print the JSON Schema of plans.")
@click.option("--json", "as_json", is_flag=True, help="The same: a schema is JSON already.")
def command(as_json: bool) -> None:
    """Print the JSON Schema of plans.

    Keep it beside your plans and begin them with "# yaml-language-server: $schema=plan.schema.json":
    editors then complete keys and underline mistakes.
    """
    from edgebench.plan import schema

    emit(schema())
