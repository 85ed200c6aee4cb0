"""``edgebench init``: a plan to start from, every line of it explained."""

from __future__ import annotations

from pathlib import Path

import click

from edgebench.cli.options import emit
from edgebench.errors import UsageError

BUILTIN = """\
workload:
  builtin: support-triage        # 12 labels; `edgebench workloads list` shows what else there is
  items: 80                      # a stratified subset, the same on every machine
"""
OWN = """\
workload:
  file: {file}
  columns:
    input: {input}                 # the column that is asked
    reference: {reference}         # the column that holds the right answer
{others}  # items: 250                   # a stratified subset, the same on every machine
  # output: choice               # choice | text | number | json; default: choice when the labels are few
  # instruction: Which queue does this message belong to?
  # scorers: [label]             # label, text, contains, number, json-fields, rubric, tool-call, ordinal, …
  # taxonomy: kinds.yaml         # kinds of wrong answers of your own
"""
PLAN = """\
# A plan for EdgeBench. Check it:  edgebench check {name}     Run it:  edgebench run {name}
# Every key is optional except question, workload and targets. A misspelt key is an error with its line.

question: Can this machine do the job as well as the API?

{workload}
targets:                         # whoever answers; the name is yours
  minilm:
    kind: onnxruntime            # an embedding model that picks the nearest label
    model: minilm-l6-int8        # a model card: `edgebench models list`
  smollm2:
    kind: llama.cpp              # a small language model in GGUF
    model: smollm2-135m-q4_1
    # options: {{n_ctx: 2048, threads: 2}}
  # cloud:                       # a hosted model; its key stays in your environment
  #   kind: openai
  #   model: gpt-4o-mini
  #   key: OPENAI_API_KEY        # the NAME of the variable, never the key
  # ollama:                      # a server on this machine, counted as a device
  #   kind: openai
  #   base_url: http://127.0.0.1:11434/v1
  #   model: llama3.2:1b
  #   placement: device

prompting: [zero-shot]           # raw, {{few-shot: {{k: 5}}}}, chain-of-thought, …; each target runs under each of them
# vary:                          # what traffic may be like, one at a time beside clean items under the first prompting
#   perturbations: [{{keyboard-typos: {{rate: 0.05}}}}, no-punctuation, dictation]
#   lab: {{few-shot: {{k: 5}}}}      # the corner the literature measures in; `field:` names the noise of the other one
# judges:                        # a target that judges the others' answers where no rule can
#   strict: {{target: cloud, repeats: 2}}

scenario: {{kind: closed, users: 1}} # or as traffic comes, {{kind: poisson, rate: 2}}; constant, gamma, ramp, trace
blocks: 4                        # targets take turns in 4 randomised blocks, so heat and hour fall on all alike
repeats: 1                       # passes; with 20 and stop: {{metric: p95_ms, within: 0.1}} it ends once it knows

slos:                            # what must hold: judged met, missed or undecided
  - {{metric: p95_ms, max: 1000}}
  - {{metric: accuracy, min: 0.6}}
objectives: [accuracy, p95_ms, usd_per_1k]

budget: {{minutes: 15, usd: 1.00}} # the run stops cleanly at the first that is used up; type the same to go on
# device: x86-laptop             # `edgebench profiles list devices`: what this machine costs
# costs: {{currency: EUR, per_usd: 0.92, as_of: 2026-11-20, kwh: 0.30, duty_cycle: 0.10}} # above the profile's
# texts: keep                    # keep | redact | hash: what is stored of the texts
"""


@click.command("init", short_help="Write a commented plan to start from.")
@click.argument("file", type=click.Path(path_type=Path), default=Path("plan.yaml"))
@click.option("--data", type=click.Path(path_type=Path), help="Your own CSV, TSV, JSONL or JSON file.")
@click.option("--input", "input_column", default="input", show_default=True, help="Its column of questions.")
@click.option("--reference", default="reference", show_default=True, help="Its column of right answers.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def command(file: Path, data: Path | None, input_column: str, reference: str, as_json: bool) -> None:
    """Write a commented plan to FILE (default plan.yaml). Nothing is overwritten."""
    workload = BUILTIN
    if data is not None:
        if not data.is_file():
            raise UsageError(f"there is no file {data}", hint="--data my-messages.csv")
        workload = OWN.format(
            file=_quoted(_beside(data, file)),
            input=_quoted(input_column),
            reference=_quoted(reference),
            others="".join(f"    {line}\n" for line in _of_its_sheet(data)),
        )
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(PLAN.format(name=file, workload=workload))
    except FileExistsError as exc:
        raise UsageError(f"{file} is there already and stays as it is", hint="edgebench init another.yaml") from exc
    except OSError as exc:
        raise UsageError(f"{file} cannot be written: {exc.strerror}") from exc
    if as_json:
        emit({"plan": str(file)})
    else:
        click.echo(f"{file} is written. Next:  edgebench check {file}")


def _of_its_sheet(data: Path) -> list[str]:
    """The other columns of a set that ``edgebench workloads import`` made, as the sheet beside it names them."""
    sheet = data.with_suffix(".yaml")
    if data.suffix != ".jsonl" or not sheet.is_file():
        return []
    from edgebench.errors import DataError
    from edgebench.workloads import sheets

    try:
        content = sheets.read(sheet).value
    except DataError:
        return []  # somebody else's file of that name
    columns = content.get("columns") if isinstance(content, dict) else None
    told = columns if isinstance(columns, dict) and "digest" in content else {}
    lines = []
    for role in ("choices", "tags", "cluster", "id"):
        column = told.get(role)
        if isinstance(column, str):
            lines.append(f"{role}: {_quoted(column)}")
        elif isinstance(column, list):
            lines.append(f"{role}: [{', '.join(_quoted(str(one)) for one in column)}]")
    return lines


def _beside(data: Path, plan: Path) -> str:
    """The data file as seen from the plan's folder, where relative paths start."""
    try:
        return data.resolve().relative_to(plan.resolve().parent).as_posix()
    except ValueError:
        return str(data.resolve())


def _quoted(text: str) -> str:
    """A YAML scalar that means exactly this text."""
    import json

    plain = text.replace("_", "").replace("-", "").replace("/", "").replace(".", "")
    safe = plain.isalpha() and plain.isascii() and text.lower() not in {"null", "true", "false"}
    return text if safe else json.dumps(text, ensure_ascii=False)
