"""The commands of this room."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .overrides import MAX_SEED

Annotator = Annotated[str | None, typer.Option(help="Whose annotations count, where there is no gold.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]

app = typer.Typer()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@app.command()
def download(
    name: Annotated[str, typer.Argument(help="Official pipeline: en_core_web_md or en_core_web_sm.")],
    out: Annotated[Path | None, typer.Option(help="Folder to put it in (models/base/NAME where not given).")] = None,
    force: Force = False,
) -> None:
    """Get an official pretrained pipeline to start training from, checked by its digests."""
    from .pretrained import fetch_pipeline

    print(fetch_pipeline(name, out or Path("models/base") / name, force=force))


@app.command()
def package(
    model: Annotated[Path, typer.Argument(help="Trained model: the --out of `copydesk train`.")],
    out: Annotated[Path, typer.Option(help="Folder for the wheel.")] = Path("dist"),
    name: Annotated[str, typer.Option(help="Name of the package, without its language.")] = "news_events",
    version: Annotated[str, typer.Option(help="Version of the package.")] = "0.1.0",
    license: Annotated[str, typer.Option(help="Licence that you give the weights.")] = "not stated by the model's owner",
    force: Force = False,
) -> None:
    """Pack a trained model as a wheel that needs nothing but spaCy, with a transformer also torch."""
    from .package import package

    print(package(model, out, name=name, version=version, license=license, force=force))


@app.command()
def split(
    records: Annotated[Path, typer.Argument(help="Annotated articles: JSON Lines, *.marked, or a folder of them.")],
    out: Annotated[Path, typer.Option(help="Folder for train.jsonl, dev.jsonl, test.jsonl and split.json.")],
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Another seed draws other stories.")] = 0,
    dev: Annotated[float, typer.Option(help="Share of the articles that decide when training stops.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the articles that training never sees.")] = 0.2,
    annotator: Annotator = None,
    force: Force = False,
) -> None:
    """Part a corpus into train, dev and test, so that no story is told in two of them."""
    from annotate.sources import refuse_to_replace

    from .leaks import leaks, pretended, stories_of
    from .split import split_records, write_split

    refuse_to_replace([records], out)
    shares = (1 - round(dev + test, 9), dev, test)  # 1 - 0.7 - 0.3 is not quite 0
    done = split_records(records, seed=seed, shares=shares, annotator=annotator)
    write_split(done, out, settings={"seed": seed, "shares": shares}, force=force)
    for part, ids in done.to_json().items():
        print(f"{part:<6} {len(ids):>6} articles")
    articles = [article for own in done.parts.values() for article in own]
    share = pretended(stories_of(articles).values(), test)
    _say(f"drawn article by article, {share:.0%} of the test articles would have one of their own story in train or dev")
    for line in leaks(done.parts):
        _say(line)


@app.command()
def convert(
    records: Annotated[Path, typer.Argument(help="Annotated articles: JSON Lines, *.marked, or a folder of them.")],
    out: Annotated[Path, typer.Option(help="The .spacy file to write, for spaCy's own commands.")],
    language: Annotated[str, typer.Option(help="Whose tokenizer cuts the text into words.")] = "en",
    annotator: Annotator = None,
    force: Force = False,
) -> None:
    """Turn annotated articles into spaCy's training format, and say what its components cannot hold."""
    from annotate.sources import read_articles, refuse_to_replace

    from .convert import blank_of, convert_records

    refuse_to_replace([records], out)
    nlp = blank_of(language, "--language")
    losses = convert_records(read_articles([str(records)]), nlp, out, annotator=annotator, force=force)
    print(f"{losses.n_articles - losses.n_without_annotation:,} articles in {out}")
    for line in losses.lines():
        _say(line)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train(
    context: typer.Context,
    records: Annotated[Path, typer.Argument(help="Annotated articles, or a folder made by `copydesk split`.")],
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    dev: Annotated[Path | None, typer.Option(help="Articles that decide when to stop; RECORDS is then all train.")] = None,
    schema: Annotated[Path | None, typer.Option(help="Label scheme, where it is not the default one.")] = None,
    config: Annotated[str | None, typer.Option(help="base, blank, transformer or a spaCy config (what fits the base).")] = None,
    base: Annotated[str | None, typer.Option(help="Pipeline to start from: name, folder or none (the best there is).")] = None,
    transformer: Annotated[str | None, typer.Option(help="Hugging Face checkpoint to start from: name or folder.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Same articles, seed and versions give the same weights.")] = 0,
    annotator: Annotator = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Keep a page with loss and score curves there, which reloads while it trains.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped: the end is the same.")] = False,
    search: Annotated[int | None, typer.Option(min=2, help="Train so often with other settings and keep the best.")] = None,
    ranges: Annotated[Path | None, typer.Option(help="What --search may change (configs/search.toml).")] = None,
    force: Force = False,
) -> None:
    """Train a model; any setting of its config can follow, as in --training.max_steps 200."""
    from annotate.errors import DataError
    from annotate.schema import DEFAULT_SCHEMA, read_schema
    from annotate.sources import refuse_to_replace

    from .corpus import read_parts
    from .run import parts_of
    from .search import search as search_settings
    from .search_report import to_text
    from .train import Settings, parse_overrides, train

    if ranges is not None and search is None:
        raise DataError("--ranges", "is given without --search", "add --search 12, or leave it out")
    if html_file is not None and search is not None:
        raise DataError("--html", "shows one training, and --search makes many", "leave out one of the two")
    refuse_to_replace([records, dev, schema, config, transformer, ranges, *parts_of(base)], out, html_file)
    overrides = parse_overrides(context.args)
    scheme = read_schema(schema or DEFAULT_SCHEMA)
    parts = read_parts(records, scheme, dev=dev, seed=seed, annotator=annotator)
    settings = Settings(
        scheme, config=config, base=base, transformer=transformer, seed=seed, annotator=annotator, overrides=overrides
    )
    if search is None:
        train(parts, out, settings, say=_say, html_file=html_file, force=force, resume=resume)
    else:
        found = search_settings(parts, out, settings, n_trials=search, ranges=ranges, say=_say, force=force, resume=resume)
        print(to_text(found))
    print(out)


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Folder of a trained model, or name of an installed one.")],
    records: Annotated[Path, typer.Argument(help="Annotated articles that the model has not seen.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the scores to this file too.")] = None,
    html_file: Annotated[
        Path | None,
        typer.Option(
            "--html",
            help="Write a page with scores, how far they can be believed, every error in its sentence, and marked articles.",
        ),
    ] = None,
    annotator: Annotator = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the resampling.")] = 0,
    force: Force = False,
) -> None:
    """Score a model against annotated articles, with 95 % intervals over stories."""
    from .report import evaluate_files

    outputs = {"json_file": json_file, "html_file": html_file}
    print(evaluate_files(model, records, **outputs, annotator=annotator, seed=seed, force=force))


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="Folder of a trained model, or name of an installed one.")],
    second: Annotated[str, typer.Argument(help="The other model.")],
    records: Annotated[Path, typer.Argument(help="Annotated articles that neither has seen.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the differences to this file too.")] = None,
    annotator: Annotator = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the resampling.")] = 0,
    force: Force = False,
) -> None:
    """Say whether one model is better than another, score by score and label by label."""
    import json

    from annotate.outputs import refuse_to_overwrite, whole_file
    from annotate.sources import refuse_to_replace

    from .compare import compare_models, to_text
    from .run import parts_of

    refuse_to_replace([records, *parts_of(first), *parts_of(second)], json_file)
    if json_file is not None:
        refuse_to_overwrite(json_file, force=force)
    gaps = compare_models(first, second, records, say=_say, annotator=annotator, seed=seed)
    if json_file is not None:
        with whole_file(json_file, force=force) as temporary:
            temporary.write_text(json.dumps({n: g.to_json() for n, g in gaps.items()}, indent=2) + "\n", encoding="utf-8")
    print(to_text(gaps, (first, second)))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def curve(
    context: typer.Context,
    records: Annotated[Path, typer.Argument(help="Annotated articles, or a folder made by `copydesk split`.")],
    work: Annotated[Path, typer.Option(help="Folder of the models; one that is there is not trained again.")] = Path(
        "models/curve"
    ),
    on: Annotated[Path | None, typer.Option(help="Articles to score on (the dev articles where not given).")] = None,
    shares: Annotated[str, typer.Option(help="Percents of the train stories to learn from.")] = "25,50,75,100",
    seeds: Annotated[int, typer.Option(min=1, help="Models for each share, each with another draw of stories.")] = 1,
    more: Annotated[int, typer.Option(min=1, help="How many more articles the forecast is for.")] = 50,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file too.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a page with a plot for each layer.")] = None,
    dev: Annotated[Path | None, typer.Option(help="Articles that decide when to stop; RECORDS is then all train.")] = None,
    schema: Annotated[Path | None, typer.Option(help="Label scheme, where it is not the default one.")] = None,
    config: Annotated[str | None, typer.Option(help="base, blank or a spaCy config (what fits the base).")] = None,
    base: Annotated[str | None, typer.Option(help="Pipeline to start from: name, folder or none (the best there is).")] = None,
    annotator: Annotator = None,
    force: Force = False,
) -> None:
    """Show what more articles would bring: train on growing parts and score each; takes settings as `train` does."""
    from annotate.outputs import refuse_to_overwrite
    from annotate.schema import DEFAULT_SCHEMA, read_schema
    from annotate.sources import refuse_to_replace

    from .corpus import read_parts
    from .curve import Plan
    from .curve_report import curve_files, parse_shares
    from .run import parts_of
    from .train import Settings, parse_overrides

    outputs = {"json_file": json_file, "html_file": html_file}
    refuse_to_replace([records, on, dev, schema, config, *parts_of(base)], json_file, html_file)
    for path in filter(None, outputs.values()):
        refuse_to_overwrite(path, force=force)
    plan = Plan(parse_shares(shares), n_seeds=seeds, n_more=more)
    scheme = read_schema(schema or DEFAULT_SCHEMA)
    settings = Settings(scheme, config=config, base=base, annotator=annotator, overrides=parse_overrides(context.args))
    parts = read_parts(records, scheme, dev=dev, annotator=annotator)
    print(curve_files(parts, work, settings, plan, on=on, **outputs, force=force, say=_say, stream=sys.stderr))
