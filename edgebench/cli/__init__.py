"""The command line: one verb a file, loaded when it is called, so that ``--help`` answers at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from edgebench import __version__
from edgebench.errors import EdgebenchError

#: verb → (module in this folder, what it does); the order is the order of ``--help``
VERBS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Real models do real work here and now: a report in a few minutes."),
    "init": ("init", "Write a commented plan to start from."),
    "check": ("check", "Check a plan; show what a run would send, where, and what it would cost."),
    "run": ("run", "Carry out a plan, or go on where it was interrupted."),
    "fit": ("fit", "Find the least memory a local target needs."),
    "runs": ("runs", "List, show or delete stored runs."),
    "score": ("score", "Judge stored answers anew; nothing is asked again."),
    "report": ("report", "Write a run's page and show its conclusion."),
    "sweep": ("sweep", "Find the highest request rate at which a target keeps its SLOs."),
    "compare": ("compare", "Compare two arms or two runs; a gate for CI."),
    "capacity": ("capacity", "Show how many requests a target carries, with how many devices, at what price."),
    "frontier": ("frontier", "Show which targets no other beats on every objective."),
    "breakeven": ("breakeven", "From how many requests a day does a device cost less than an API?"),
    "cascade": ("cascade", "Edge first, cloud when unsure: would that beat both?"),
    "project": ("project", "Project a run's local arms onto another device."),
    "device": ("device", "Detect and measure this machine; write its profile."),
    "prices": ("prices", "Show a model's rate card; compare price lists."),
    "models": ("models", "List, show, pull, verify or quantise model files."),
    "workloads": ("workloads", "List or show jobs; make a test set from your own logs."),
    "profiles": ("profiles", "List or show plans, devices, prices and other profiles."),
    "export": ("export", "Write a run as JSONL, CSV or a bundle."),
    "import": ("importing", "Read bundles made on other machines."),
    "schema": ("schema", "Print the JSON Schema of plans, for editors."),
    "certify": ("certify", "Measure the instrument's own error on this machine."),
    "doctor": ("doctor", "Say what is here and what to type for what is missing."),
    "completion": ("completion", "Print the completion script for a shell."),
}
INTERRUPTED = 130


class Verbs(click.Group):
    """A group whose commands are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [verb for verb, (module, _) in VERBS.items() if find_spec(f"edgebench.cli.{module}") is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS or find_spec(f"edgebench.cli.{VERBS[cmd_name][0]}") is None:
            return None
        command: click.Command = import_module(f"edgebench.cli.{VERBS[cmd_name][0]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "edgebench --help lists the commands."
            raise click.UsageError(f"No such command {args[0]!r}. {hint}", ctx) from exc

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, VERBS[verb][1]) for verb in self.list_commands(ctx)])


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Begin with:  edgebench demo      On your own data:  edgebench init, check plan.yaml, run plan.yaml",
)
@click.version_option(__version__, prog_name="edgebench")
def cli() -> None:
    """Should this job run on the device or in the cloud? On your own traffic, with error bars."""


def main(args: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    0 ok · 1 a fault of ours · 2 usage or plan error · 3 gate failed · 4 gate undecided · 5 nothing ran or INVALID ·
    130 interrupted.
    """
    try:
        result: Any = cli.main(args=args, prog_name="edgebench", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except EdgebenchError as exc:
        from edgebench.cli.failing import show

        show(exc)
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001 (the outermost rim: said to be ours, never carried on)
        import traceback

        traceback.print_exc()
        click.echo("error: this is a fault of ours, not of yours; please report it with the lines above", err=True)
        return 1
